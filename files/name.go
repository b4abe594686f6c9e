package files

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxName is what the common file systems take, in bytes of UTF-8.
const maxName = 255

// mediaType is a type and subtype of RFC 6838, section 4.2, as
// [mime.ParseMediaType] returns them.
var mediaType = regexp.MustCompile(`^[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}$`)

// CheckName returns [ErrName] unless name can be kept, shown and used as the
// name of a file on every common system, and is shown as it is kept:
//
//   - 1 to 255 bytes of UTF-8 in NFC, so that one name has one spelling
//   - no control, format, bidirectional, private or invisible character, and no
//     space but U+0020: two names that look the same are the same
//   - none of < > : " / \ | ? * and nothing that turns into a slash under NFKC
//     or looks like one
//   - no space at either end, no dot at the end, and no name of a device of
//     Windows, with or without an extension
//
// A name is never part of a path or key here. These rules protect whoever
// writes the file to a disk under its name, or reads the name in a list.
func CheckName(name string) error {
	if len(name) == 0 || len(name) > maxName || !utf8.ValidString(name) || !norm.NFC.IsNormalString(name) {
		return ErrName
	}
	for _, r := range name {
		if replaced(r) != r {
			return ErrName
		}
	}
	if strings.ContainsAny(norm.NFKC.String(name), `/\`) {
		return ErrName
	}
	if name[0] == ' ' || strings.TrimRight(norm.NFKC.String(name), " .") != norm.NFKC.String(name) || isDevice(name) {
		return ErrName
	}
	return nil
}

// CleanName makes a usable name of one that an uploader's browser sent: the
// last element of a path, in NFC, with _ for what may not stand in it and
// without what is not seen. It changes what the user chose, so show the result.
func CleanName(name string) string {
	name = strings.ToValidUTF8(name, "_")
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	name = norm.NFC.String(strings.Map(replaced, norm.NFC.String(name)))
	name = shorten(name)
	name = strings.Trim(name, " ")
	name = strings.TrimRight(name, " .")
	if isDevice(name) {
		name = shorten("_" + name)
	}
	if CheckName(name) != nil {
		return "file"
	}
	return name
}

// shorten cuts a name to what fits, and keeps a short extension.
func shorten(name string) string {
	if len(name) <= maxName {
		return name
	}
	stem, ext := name, ""
	if i := strings.LastIndexByte(name, '.'); i > 0 && len(name)-i <= 16 {
		stem, ext = name[:i], name[i:]
	}
	stem = stem[:maxName-len(ext)]
	for !utf8.ValidString(stem) {
		stem = stem[:len(stem)-1]
	}
	return stem + ext
}

// looksLikeSlash are characters that show as a slash or backslash and do not
// become one under NFKC.
const looksLikeSlash = "\u2044\u2215\u2216\u2571\u2572\u27cb\u27cd\u29f5\u29f8\u29f9\u3033\u4e36\u4e3f"

// replaced returns what CleanName writes for a character, -1 for nothing. What
// it returns unchanged may stand in a name.
func replaced(r rune) rune {
	switch {
	case r == ' ':
		return r
	case strings.ContainsRune(`<>:"/\|?*`, r), strings.ContainsRune(looksLikeSlash, r):
		return '_'
	case unicode.In(r, unicode.Zs, unicode.Zl, unicode.Zp), unicode.Is(unicode.Cc, r) && unicode.IsSpace(r), r == '\u2800':
		return ' '
	case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point):
		return -1
	case !unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S): // private, unassigned, no character
		return '_'
	}
	if k := norm.NFKC.String(string(r)); strings.ContainsAny(k, `/\`) {
		return '_'
	}
	return r
}

var device = regexp.MustCompile(`(?i)^(?:con|prn|aux|nul|conin\$|conout\$|clock\$|(?:com|lpt)[0-9])$`)

// isDevice reports whether Windows would open a device instead of the file.
func isDevice(name string) bool {
	stem, _, _ := strings.Cut(norm.NFKC.String(name), ".")
	return device.MatchString(strings.TrimRight(stem, " "))
}

// listable reports whether s may be a prefix of names, or a name of earlier.
func listable(s string) bool {
	return len(s) <= maxName && utf8.ValidString(s) && !hasControl(s)
}

func hasControl(s string) bool { return strings.ContainsFunc(s, unicode.IsControl) }
