// Package diagnose listens to RTMP conversations and says what is wrong with them, in sentences for people.
package diagnose
