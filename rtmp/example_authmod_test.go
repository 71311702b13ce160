package rtmp_test

import (
	"context"
	"errors"
	"fmt"

	"leat/rtmp"
)

// passwords is an rtmp.UserStore of one application.
type passwords map[string]string

func (p passwords) Password(_ context.Context, _, user string) (string, bool, error) {
	password, ok := p[user]
	return password, ok, nil
}

// gatekeeper is a lobby for those who have a password.
type gatekeeper struct {
	lobby
	auth rtmp.Authmod
}

// ServeConnect takes part in publisher authentication: the client connects three times, and each refusal says what comes next.
func (d *gatekeeper) ServeConnect(ctx context.Context, r *rtmp.ConnectRequest) error {
	result, err := d.auth.Authenticate(ctx, r.Object.Text("app"))
	if err != nil {
		return err
	}
	if result.Description != "" {
		return rtmp.Refuse(rtmp.CodeConnectRejected, "%s", result.Description)
	}
	r.User = result.User
	fmt.Println(r.User, "is in")
	return nil
}

// A server wants to know who publishes, by the way that encoders know.
func ExampleAuthmod() {
	dial, end := serve(&gatekeeper{auth: rtmp.Authmod{Users: passwords{"ada": "sesame"}}})
	defer end()
	ctx := context.Background()
	for _, url := range []string{"rtmp://ada:sesame@example.invalid/live", "rtmp://ada:guess@example.invalid/live", "rtmp://example.invalid/live"} {
		conn, err := rtmp.Dial(ctx, url, dial)
		switch {
		case errors.Is(err, rtmp.ErrAuthFailed):
			fmt.Println("the password is wrong")
		case errors.Is(err, rtmp.ErrAuthRequired):
			fmt.Println("a password is needed")
		case err != nil:
			fmt.Println(err)
		default:
			conn.Close()
		}
	}
	// Output:
	// ada is in
	// the password is wrong
	// a password is needed
}
