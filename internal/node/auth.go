package node

import (
	"context"
	"strings"

	"leat/internal/config"
	"leat/rtmp"
)

// authenticators ask publishers who they are, each in one way. Users are looked up as the configuration is at that moment.
type authenticators struct {
	adobe, llnw rtmp.Authmod
}

func (a *authenticators) init() {
	a.adobe.Mode, a.adobe.Users = rtmp.AuthAdobe, fromContext{}
	a.llnw.Mode, a.llnw.Users = rtmp.AuthLLNW, fromContext{}
}

func (a *authenticators) of(mode config.AuthMode) *rtmp.Authmod {
	if mode == config.AuthLLNW {
		return &a.llnw
	}
	return &a.adobe
}

// usersKey is the key of the config.Users in the context of a look-up.
type usersKey struct{}

// fromContext is the users of the application that somebody connects to.
type fromContext struct{}

func (fromContext) Password(ctx context.Context, _, user string) (string, bool, error) {
	users, _ := ctx.Value(usersKey{}).(config.Users)
	password, ok := users.Password(user)
	return password.Reveal(), ok, nil
}

// authenticate asks a client who it is, if the application wants to know of publishers and the client looks like one, or
// offers to say so. Others may connect, and play.
func (n *Node) authenticate(ctx context.Context, r *rtmp.ConnectRequest, app *config.App) error {
	if !app.Users.IsSet() || !strings.HasPrefix(r.FlashVer, "FMLE/") && !strings.Contains(r.Query, "authmod=") {
		return nil
	}
	auth := n.auth.of(app.Auth)
	result, err := auth.Authenticate(context.WithValue(ctx, usersKey{}, app.Users), r.Object.Text("app"))
	if err != nil {
		return err
	}
	if result.Description == "" {
		r.User = result.User
		return nil
	}
	if strings.Contains(result.Description, "reason=authfail") {
		n.counters.refuse(toConnect, byUser)
		n.log.Warn("refused: user or password is wrong; correct them in the encoder, or in users_file of the application",
			"conn", r.Conn.ID(), "remote", r.Conn.RemoteAddr().String(), "app", brief(r.App), "client", brief(r.FlashVer))
	}
	return rtmp.Refuse(rtmp.CodeConnectRejected, "%s", result.Description)
}
