package pgtest

import (
	"errors"
	"os"
	osuser "os/user"
	"strconv"
)

// A user is whom the server runs as, when that is not the caller.
type user struct {
	name     string
	uid, gid uint32
}

// String names the user for messages.
func (u *user) String() string {
	if u == nil {
		return "the calling user"
	}
	return u.name
}

// runAs returns the user to run the server as: nil, which means the caller,
// unless the caller is root, whom postgres refuses to serve.
func runAs() (*user, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	return firstUser("postgres", "nobody", "daemon", "bin", "www-data")
}

// firstUser returns the first of the names that is an ordinary user here.
// initdb needs a name in the user database; a bare number will not do.
func firstUser(names ...string) (*user, error) {
	for _, name := range names {
		found, err := osuser.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseInt(found.Uid, 10, 64)
		gid, err2 := strconv.ParseInt(found.Gid, 10, 64)
		if err1 != nil || err2 != nil || uid == 0 {
			continue
		}
		return &user{name: name, uid: uint32(uid), gid: uint32(gid)}, nil
	}
	return nil, errors.New("postgres refuses to run as root and this machine has no other user (add one: useradd --system postgres)")
}
