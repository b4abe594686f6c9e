package catalog

import (
	"strings"
	"testing"
)

const tree = `{OPEXPR :opno 96 :opfuncid 65 :opretset false :args ({VAR :varno 1 :varattno 2 :varlevelsup 0} ` +
	`{CONST :consttype 25 :constisnull false :constvalue 6 [ 24 0 0 0 97 37 ]}) :inputcollid 0 :alias {ALIAS :aliasname a\ \(b\) :colnames ("id" "a\ b")} :empty <> :set (b 8 9)}`

func TestParseNode(t *testing.T) {
	t.Parallel()
	n, err := ParseNode(tree)
	if err != nil {
		t.Fatal(err)
	}
	if n.Tag != "OPEXPR" || n.OID("opno") != 96 || n.Bool("opretset") || n.Int("absent") != 0 || n.Child("empty") != nil {
		t.Errorf("the operator reads as %+v", n)
	}
	args := n.List("args")
	if len(args) != 2 || args[0].Tag != "VAR" || args[0].Int("varattno") != 2 {
		t.Fatalf("the arguments read as %+v", args)
	}
	if got := string(args[1].Bytes("constvalue")); got != "\x18\x00\x00\x00a%" {
		t.Errorf("the constant reads as %q", got)
	}
	if got := n.Child("alias").Text("aliasname"); got != "a (b)" {
		t.Errorf("an escaped name reads as %q", got)
	}
	var tags []string
	n.Walk(func(n *Node) bool { tags = append(tags, n.Tag); return n.Tag != "ALIAS" })
	if got := strings.Join(tags, " "); got != "OPEXPR VAR CONST ALIAS" {
		t.Errorf("walked %s", got)
	}
}

func TestParseNodeList(t *testing.T) {
	t.Parallel()
	n, err := ParseNode("({QUERY :commandType 1} {RTE :relid 7})")
	if err != nil {
		t.Fatal(err)
	}
	if items := n.List("items"); len(items) != 2 || items[1].Tag != "RANGETBLENTRY" || items[1].OID("relid") != 7 {
		t.Errorf("the list reads as %+v", items)
	}
	if n, err := ParseNode("<>"); n != nil || err != nil {
		t.Errorf("nothing reads as %v, %v", n, err)
	}
}

// A tree that is cut off anywhere is an error, never a smaller tree.
func TestParseNodeTruncated(t *testing.T) {
	t.Parallel()
	for i := 1; i < len(tree); i++ {
		if n, err := ParseNode(tree[:i]); err == nil {
			t.Errorf("%q reads as %+v", tree[:i], n)
		}
	}
	for _, bad := range []string{")", "}", "{OPEXPR opno 96}", "word", tree + " {"} {
		if n, err := ParseNode(bad); err == nil {
			t.Errorf("%q reads as %+v", bad, n)
		}
	}
}

// A missing node can be asked like any other.
func TestNilNode(t *testing.T) {
	t.Parallel()
	var n *Node
	if n.Child("a").List("b") != nil || n.Int("c") != 0 || n.OID("d") != 0 || n.Text("e") != "" || n.Bytes("f") != nil {
		t.Error("nothing has something in it")
	}
	n.Walk(func(*Node) bool { t.Error("nothing was visited"); return true })
}

func FuzzParseNode(f *testing.F) {
	f.Add(tree)
	f.Add("(({A :b (1 2) :c <>}))")
	f.Fuzz(func(_ *testing.T, s string) {
		n, err := ParseNode(s)
		if err == nil {
			n.Walk(func(*Node) bool { return true })
		}
	})
}

func TestQuote(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"doc": "doc", "Doc": `"Doc"`, "order": `"order"`, `a"b`: `"a""b"`, "1a": `"1a"`, "a b": `"a b"`} {
		if got := Quote(in); got != want {
			t.Errorf("%s is quoted as %s, want %s", in, got, want)
		}
	}
}
