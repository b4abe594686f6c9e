package files

import (
	"errors"

	"github.com/watertight-go/watertight/files/internal/stream"
)

// Errors that callers branch on; match them with [errors.Is]. None carries a
// key, a file's name or content, or anything of another tenant.
var (
	// ErrNotFound: the tenant has no such file. A file of another tenant is not
	// told apart from one that never was.
	ErrNotFound = errors.New("the tenant has no such file")

	// ErrExists: the tenant has a file with this id.
	ErrExists = errors.New("the tenant has a file with this id (delete it first, or restore under another id)")

	// ErrQuota: the file does not fit into what the tenant may keep.
	ErrQuota = errors.New("the tenant has no room for the file (delete files, or raise the limit with SetQuota)")

	// ErrTooLarge: the content is longer than Config.MaxSize.
	ErrTooLarge = errors.New("the file is too large (raise Config.MaxSize)")

	// ErrSize: the content is not as long as was said before.
	ErrSize = errors.New("the content is not as long as was said (pass its length, or -1 if it is not known)")

	// ErrDigest: the content to restore is not the one that was exported.
	ErrDigest = errors.New("the content has another SHA-256 than was said")

	// ErrName: not a name that every system keeps and shows as it is.
	ErrName = errors.New("not a usable file name (clean it with CleanName)")

	// ErrContentType: not a media type.
	ErrContentType = errors.New("not a media type (write it as application/pdf)")

	// ErrKey: an object that this package did not put into the bucket.
	ErrKey = errors.New("the bucket holds something here that is not an object of this store")

	// ErrCorrupt: the sealed content was changed, cut off, exchanged or is
	// gone. Nothing of the wrong part was given out.
	ErrCorrupt = stream.ErrCorrupt

	// ErrLink: the link is not one of this store, has expired, or was made for
	// another tenant or account. Which of them is not said.
	ErrLink = errors.New("the link is not valid here (ask for a new one)")

	// ErrOvertaken: the upload was given up as dead, by a sweep or because
	// another one took its id, before it ended.
	ErrOvertaken = errors.New("the upload took too long and was swept away (upload again)")
)
