package files_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"

	"github.com/watertight-go/watertight/files"
)

// pathTricks are names that people have made stores leave their folder with, or
// show another name than they keep. Each is refused, or is contained: kept byte
// by byte as a label, with an object key that has nothing of it.
var pathTricks = []struct {
	what    string
	names   []string
	refused bool
}{
	{"dot segments", []string{
		".", "..", "...", "../x", "../../etc/passwd", "a/../../b", "a/..", "./a", "a/./b", "..a/..", "/..", "../", "....//", "..;/x",
	}, true},
	{"absolute paths", []string{"/", "/etc/passwd", "//server/share/x", "///x", "file:///etc/passwd", "C:/x", "~/../x"}, true},
	{"separators of other systems", []string{
		`..\x`, `a\b`, `C:\x`, `\\server\share`, `\\?\C:\x`, `\\.\PhysicalDrive0`, `\??\C:\x`, "C:x", "Macintosh HD:x", "a:b",
	}, true},
	{"other streams of a file", []string{"a.txt::$DATA", "a.txt:hidden", "a::$INDEX_ALLOCATION"}, true},
	{"devices", []string{
		"CON", "con", "PRN", "AUX", "aux.txt", "NUL", "nul.tar.gz", "COM1", "com9.log", "LPT1", "CONIN$", "CONOUT$", "clock$",
		"COM\u00b9", "LPT\u00b3.txt", "NUL .txt", "\uff23\uff2f\uff2e", // fullwidth CON
	}, true},
	{"ends that a system drops", []string{"a.", "a..", "a ", "a. ", " a", "a .", "a\u3002.", "x\uff0e"}, true},
	{"nothing", []string{"", " ", "   ", ".\u3000"}, true},
	{"NUL and control characters", []string{"a\x00b", "a.txt\x00.png", "\x00", "a\nb", "a\r\nb", "a\tb", "\x1b[2Ja", "a\x7f", "a\u0085b", "\b\ba"}, true},
	{"what turns a text around or hides in it", []string{
		"invoice\u202egpj.exe", "a\u202db", "a\u2066b\u2069", "a\u200fb", "a\u200eb", "a\u061cb", // bidirectional
		"a\u200bb", "a\u200db", "a\ufeffb", "\u00ada", "a\u2060b", "a\u180eb", "a\u115fb", "a\u3164b", "a\uffa0b", "a\u034fb", "\U000e0041a", "a\u2800b",
	}, true},
	{"spaces that look like one", []string{"a\u00a0b", "a\u2003b", "a\u3000b", "a\u202fb", "a\u2028b", "a\u2029b"}, true},
	{"slashes that are none", []string{
		"..\u2215x", "a\u2044b", "a\u2216b", "a\u29f8b", "a\u29f5b", "a\uff0fb", "a\uff3cb", "a\ufe68b", "\uff0e\uff0e\uff0fx", "\u2024\u2024\u2215x", "a\u2100b",
	}, true},
	{"dots that are none", []string{"\uff0e\uff0e", "\u2024\u2024", "\u2025", "\u2026"}, true},
	{"bytes that are no UTF-8", []string{
		"\xc0\xae\xc0\xae\xc0\xaf", "\xc0\xafx", "\xe0\x80\xaf", "\xf0\x80\x80\xaf", "\xc1\x9c", "a\xff", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\x80", "a\xc3",
	}, true},
	{"another form of the same name", []string{"cafe\u0301", "a\u030a", "\u212b", "\u2126", "\u1100\u1161", "\u0041\u0300"}, true},
	{"code points that are no characters", []string{"a\ufffeb", "a\uffffb", "a\U0010ffffb", "\ufdd0", "a\ue000b", "\U000f0000"}, true},
	{"patterns and redirections", []string{"*", "a?", "a|b", "<a>", `"a"`, "a>b"}, true},
	{"too long", []string{strings.Repeat("a", 256), strings.Repeat("ä", 128), strings.Repeat("../", 1000), strings.Repeat("a", 1<<20)}, true},

	{"encodings of dot segments", []string{
		"%2e%2e%2fx", "%2E%2E%5Cx", "%252e%252e%252f", "%c0%ae%c0%ae%c0%af", "%00", "..%2f", "..%5c..%5cx", "%u2215", "&#46;&#46;&#47;", `..%c0%af`, "=2E=2E=2F", "__0x2e__",
	}, false},
	{"what a shell or a database reads", []string{"-rf", "--help", "$(id)", "`id`", "a;id", "a&b", "'; drop table files; --", "$HOME", "~", "~root", "#", "a'b", "!", "{a,b}", "%s%n", "\u0027 or 1=1"}, false},
	{"hidden and special files", []string{".htaccess", ".env", "..a", ".git", "desktop.ini", "Thumbs.db", "web.config", "index.html", "a.attrs", "CONsole", "auxiliary.txt", "NULL", "COM10"}, false},
	{"other tenants' keys as a name", []string{
		"00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-00000000000", "{00000000-0000-4000-8000-000000000001}", "watertight",
	}, false},
	{"names in other scripts", []string{"Příloha.pdf", "契約書？.pdf", "отчёт.docx", "عقد.pdf", "caf\u00e9", "😀.png", "Ω.txt", "pаypal.txt", strings.Repeat("ä", 127), strings.Repeat("a", 255)}, false},
}

func TestPathTricks(t *testing.T) {
	t.Parallel()
	key := regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	for _, driver := range drivers {
		t.Run(driver, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, driver)
			ctx := t.Context()
			victim := put(t, w.fb, "victim.txt", "Beta's")
			file := put(t, w.fa, "control.txt", "Alpha's")
			tried := 0
			for _, tricks := range pathTricks {
				for _, name := range tricks.names {
					tried++
					f, err := w.fa.Create(ctx, files.Upload{Name: name, Size: 7}, strings.NewReader("content"))
					renamed := w.fa.Rename(ctx, file.ID, name)
					if tricks.refused {
						require.ErrorIs(t, err, files.ErrName, "%s: %q", tricks.what, name)
						require.ErrorIs(t, renamed, files.ErrName, "%s: %q", tricks.what, name)
						require.NoError(t, files.CheckName(files.CleanName(name)), "%q", name)
						continue
					}
					require.NoError(t, err, "%s: %q", tricks.what, name)
					require.NoError(t, renamed)
					// Contained: it is shown as it was given, reads back, and
					// its object has a key of the store's own.
					require.Equal(t, name, files.CleanName(name))
					same, err := w.fa.Stat(ctx, f.ID)
					require.NoError(t, err)
					require.Equal(t, name, same.Name)
					got, err := get(t, w.fa, f.ID)
					require.NoError(t, err)
					require.Equal(t, "content", got)
					object := w.object(t, f.ID)
					require.Regexp(t, key, object)
					require.True(t, strings.HasPrefix(object, w.a.String()+"/"))
				}
			}
			require.Greater(t, tried, 60)
			t.Logf("%d names", tried)
			for _, object := range w.objects(t) {
				require.Regexp(t, key, object)
			}
			if w.dir != "" {
				requireContained(t, w)
			}
			got, err := get(t, w.fb, victim.ID)
			require.NoError(t, err)
			require.Equal(t, "Beta's", got)
			require.Equal(t, []string{"victim.txt"}, names(t, w.fb))
		})
	}
}

// requireContained wants nothing beside the bucket's directory, and in it the
// folders of the two tenants only.
func requireContained(t *testing.T, w *world) {
	t.Helper()
	beside, err := os.ReadDir(filepath.Dir(w.dir))
	require.NoError(t, err)
	require.Len(t, beside, 1)
	require.NoError(t, filepath.WalkDir(w.dir, func(path string, d fs.DirEntry, err error) error {
		require.NoError(t, err)
		rel, err := filepath.Rel(w.dir, path)
		require.NoError(t, err)
		if rel != "." {
			require.Contains(t, []string{w.a.String(), w.b.String()}, strings.Split(rel, string(filepath.Separator))[0])
		}
		if d.IsDir() {
			info, err := d.Info()
			require.NoError(t, err)
			require.Zero(t, info.Mode().Perm()&0o077, "%s is open to others", rel)
		}
		return nil
	}))
}

// Links that somebody planted in the directory lead nowhere: not out of it, not
// to another tenant, neither for reading nor for writing nor for deleting.
func TestPlantedLinks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "directory")
	ctx := t.Context()
	outside := filepath.Join(t.TempDir(), "outside")
	require.NoError(t, os.Mkdir(outside, 0o700))
	secret := filepath.Join(outside, "secret")
	require.NoError(t, os.WriteFile(secret, []byte("outside the bucket"), 0o600))
	victim := put(t, w.fb, "victim.txt", "Beta's content")
	victimPath := filepath.Join(w.dir, w.object(t, victim.ID))

	plant := map[string]func(path string) error{
		"a link to a file outside":            func(p string) error { return os.Symlink(secret, p) },
		"a link to another tenant's object":   func(p string) error { return os.Symlink(victimPath, p) },
		"a relative link to another's object": func(p string) error { return os.Symlink("../"+w.object(t, victim.ID), p) },
		"a link to itself":                    func(p string) error { return os.Symlink(filepath.Base(p), p) },
		"a link to nothing":                   func(p string) error { return os.Symlink("/nonexistent", p) },
		"a folder":                            func(p string) error { return os.Mkdir(p, 0o700) },
	}
	for what, fn := range plant {
		f := put(t, w.fa, "a.txt", "Alpha's content")
		path := filepath.Join(w.dir, w.object(t, f.ID))
		require.NoError(t, os.Rename(path, path+".kept"))
		require.NoError(t, fn(path))
		_, err := get(t, w.fa, f.ID)
		require.ErrorIs(t, err, files.ErrKey, what)
		require.ErrorIs(t, w.fa.Delete(ctx, f.ID), files.ErrKey, what)
		require.NoError(t, os.RemoveAll(path))
		// The control: the object itself in its place.
		require.NoError(t, os.Rename(path+".kept", path))
		require.NoError(t, w.fa.Delete(ctx, f.ID), "the second time")
	}
	// A hard link to the victim's object is a file like any other, of the wrong place.
	f := put(t, w.fa, "a.txt", "Alpha's content")
	path := filepath.Join(w.dir, w.object(t, f.ID))
	require.NoError(t, os.Remove(path))
	require.NoError(t, os.Link(victimPath, path))
	_, err := get(t, w.fa, f.ID)
	require.ErrorIs(t, err, files.ErrCorrupt)
	require.NoError(t, w.fa.Delete(ctx, f.ID))

	// The whole folder of a tenant as a link out, and into another's.
	folder := filepath.Join(w.dir, w.a.String())
	for _, target := range []string{outside, filepath.Join(w.dir, w.b.String())} {
		require.NoError(t, os.RemoveAll(folder))
		require.NoError(t, os.Symlink(target, folder))
		before, err := os.ReadDir(target)
		require.NoError(t, err)
		_, err = w.fa.Create(ctx, files.Upload{Name: "a.txt", Size: -1}, strings.NewReader("x"))
		require.ErrorIs(t, err, files.ErrKey)
		_, err = w.fa.DeleteAll(ctx)
		require.True(t, err == nil || errors.Is(err, files.ErrKey), err)
		after, err := os.ReadDir(target)
		require.NoError(t, err)
		require.Equal(t, len(before), len(after), "something was written or deleted through the link")
	}
	require.NoError(t, os.Remove(folder))
	put(t, w.fa, "a.txt", "the control")
	got, err := os.ReadFile(secret)
	require.NoError(t, err)
	require.Equal(t, "outside the bucket", string(got))
	text, err := get(t, w.fb, victim.ID)
	require.NoError(t, err)
	require.Equal(t, "Beta's content", text)
}

// What lies under the tenant's prefix and is not the store's own is never
// opened or listed as a file.
func TestForeignObjects(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "memory")
	ctx := t.Context()
	put(t, w.fa, "a.txt", "content")
	p := w.a.String() + "/"
	for _, key := range []string{
		p + "x", p + "../" + w.b.String() + "/x", p + strings.ToUpper("aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"), p + "00000000-0000-0000-0000-000000000000",
		p + "a/b", strings.ToUpper(w.a.String()) + "/x", w.a.String() + "0/x", w.a.String()[:35] + "/x", "x", w.a.String() + ".attrs",
		p + "{aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa}", p + "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa/", p + "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa.attrs",
	} {
		require.NoError(t, w.raw.WriteAll(ctx, key, []byte("planted"), nil))
	}
	swept, err := w.fa.Sweep(ctx, files.MinGrace)
	require.NoError(t, err)
	require.Equal(t, files.Swept{Foreign: 8}, swept)
	require.Equal(t, []string{"a.txt"}, names(t, w.fa))
	_, err = w.fa.DeleteAll(ctx)
	require.NoError(t, err)
	for _, key := range w.objects(t) {
		require.False(t, strings.HasPrefix(key, p), key)
	}
	require.Len(t, w.objects(t), 5, "tenants whose id begins alike are left alone")
}

// FuzzName states what a name that passes is, and that cleaning makes one.
func FuzzName(f *testing.F) {
	for _, tricks := range pathTricks {
		for _, name := range tricks.names {
			f.Add(name)
		}
	}
	f.Fuzz(func(t *testing.T, name string) {
		clean := files.CleanName(name)
		if err := files.CheckName(clean); err != nil {
			t.Fatalf("%q was cleaned to %q, which is refused", name, clean)
		}
		if files.CleanName(clean) != clean {
			t.Fatalf("%q is cleaned again, to %q", clean, files.CleanName(clean))
		}
		if files.CheckName(name) != nil {
			return
		}
		if clean != name {
			t.Fatalf("%q is usable and was cleaned to %q", name, clean)
		}
		if !utf8.ValidString(name) || len(name) > 255 || !norm.NFC.IsNormalString(name) || strings.ContainsAny(name, "/\\\x00:") || filepath.Base(name) != name || !filepath.IsLocal(name) {
			t.Fatalf("%q passed", name)
		}
		// On a disk it is one file of one folder.
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		list, err := os.ReadDir(dir)
		if err != nil || len(list) != 1 || list[0].Name() != name {
			t.Fatalf("%q became %v, %v", name, list, err)
		}
	})
}

// FuzzUpload gives the store names, on both drivers: one is refused, or is kept
// as it is with an object in the tenant's own folder, and nothing else is there.
func FuzzUpload(f *testing.F) {
	for _, name := range []string{"a.txt", "../x", `..\x`, "%2e%2e%2f", "a\x00b", "cafe\u0301", "\uff0e\uff0e\uff0fx", "\xc0\xae", "CON", "a."} {
		f.Add(name)
	}
	worlds := []*world{newWorld(f, "directory"), newWorld(f, "memory")}
	f.Fuzz(func(t *testing.T, name string) {
		for _, w := range worlds {
			file, err := w.fa.Create(t.Context(), files.Upload{Name: name, Size: 1}, strings.NewReader("x"))
			if err != nil {
				require.ErrorIs(t, err, files.ErrName)
				require.Empty(t, w.objects(t))
				continue
			}
			same, err := w.fa.Stat(t.Context(), file.ID)
			require.NoError(t, err)
			require.Equal(t, name, same.Name)
			require.Equal(t, []string{w.object(t, file.ID)}, w.objects(t))
			require.NoError(t, w.fa.Delete(t.Context(), file.ID))
			require.Empty(t, w.objects(t))
		}
	})
}
