// Package ui is the pages that people look at: the console of the admin door, and the watch page and the front page of the
// public one.
//
// They are written in TypeScript in the folder ui at the top of the repository. `make ui` builds them into
// dist/pages, from where they are embedded. That folder is not committed: a program that was built without them says so on
// a placeholder page, and does everything else all the same.
//
// The pages load nothing from elsewhere, and their content security policy lets them do no other: scripts, styles and
// pictures come from the door itself. Only the console's preview calls another origin, which is the public door of the same
// host.
//
// Names of assets hold a hash of what is in them, so browsers keep them; pages themselves are asked for each time.
package ui
