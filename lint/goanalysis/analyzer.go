package goanalysis

import (
	"go/ast"
	"go/token"
	"go/types"
	"strconv"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/passes/inspect"
	"golang.org/x/tools/go/ast/inspector"
)

// Analyzer reports Go code that goes around the proof of the queries.
var Analyzer = &analysis.Analyzer{
	Name:     "watertight",
	Doc:      "report SQL that is sent without an admitted tenant or that no proof has seen",
	URL:      "https://pkg.go.dev/github.com/watertight-go/watertight/lint/goanalysis",
	Requires: []*analysis.Analyzer{inspect.Analyzer},
	Run:      run,
}

var allowed string

func init() {
	Analyzer.Flags.StringVar(&allowed, "allow", "", "import `paths` of packages that may use raw connections and cross tenants, separated by commas")
}

const module = "github.com/watertight-go/watertight"

// fenced are the packages whose import is a statement of its own.
var fenced = map[string]string{
	module + "/tenancy/unverified":  "makes a scope without asking whether the actor is registered with the tenant (use DB.Admit, or list the package in -watertight.allow)",
	module + "/tenancy/recording":   "writes past a role's read-only transaction, for the audit log (use audit.Log, or list the package in -watertight.allow)",
	module + "/tenancy/crosstenant": "crosses tenants (keep it in a package of its own and list that in -watertight.allow)",
}

// senders are the methods that send SQL, with the index of the SQL argument; -1
// for those whose SQL is not an argument.
var senders = map[string]int{
	"Exec": 1, "Query": 1, "QueryRow": 1, "Prepare": 2, "SendBatch": -1, "CopyFrom": -1, "Begin": -1, "BeginTx": -1,
	"ExecContext": 1, "QueryContext": 1, "QueryRowContext": 1, "PrepareContext": 1,
}

// rawTypes are connections that no tenant is admitted to.
var rawTypes = map[string]bool{
	"github.com/jackc/pgx/v5/pgxpool.Pool": true, "github.com/jackc/pgx/v5/pgxpool.Conn": true, "github.com/jackc/pgx/v5/pgxpool.Tx": true,
	"github.com/jackc/pgx/v5.Conn": true, "github.com/jackc/pgx/v5.Tx": true, "github.com/jackc/pgx/v5/pgconn.PgConn": true,
	"database/sql.DB": true, "database/sql.Conn": true, "database/sql.Tx": true,
}

func run(pass *analysis.Pass) (any, error) {
	if mayPass(pass.Pkg.Path()) {
		return nil, nil
	}
	in := pass.ResultOf[inspect.Analyzer].(*inspector.Inspector)
	in.Preorder([]ast.Node{(*ast.ImportSpec)(nil), (*ast.CallExpr)(nil)}, func(n ast.Node) {
		if strings.HasSuffix(pass.Fset.Position(n.Pos()).Filename, "_test.go") {
			return
		}
		switch n := n.(type) {
		case *ast.ImportSpec:
			checkImport(pass, n)
		case *ast.CallExpr:
			checkCall(pass, n)
		}
	})
	return nil, nil
}

// mayPass reports whether the package is on the allow-list, or is Watertight's
// own, which has its own tests of what it sends.
func mayPass(path string) bool {
	path, _, _ = strings.Cut(path, " ") // "p [p.test]"
	for _, a := range append(strings.Split(allowed, ","), module+"/...") {
		a = strings.TrimSpace(a)
		below, all := strings.CutSuffix(a, "/...")
		if path == a || all && (path == below || strings.HasPrefix(path, below+"/")) {
			return true
		}
	}
	return false
}

func checkImport(pass *analysis.Pass, n *ast.ImportSpec) {
	path, err := strconv.Unquote(n.Path.Value)
	if err != nil {
		return
	}
	if why, ok := fenced[path]; ok {
		pass.Reportf(n.Pos(), "import of %s: it %s", strings.TrimPrefix(path, module+"/"), why)
	}
}

func checkCall(pass *analysis.Pass, call *ast.CallExpr) {
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return
	}
	arg, ok := senders[sel.Sel.Name]
	if !ok {
		return
	}
	receiver := typeName(pass.TypesInfo.TypeOf(sel.X))
	raw := rawTypes[receiver]
	if raw {
		pass.Reportf(sel.Sel.Pos(), "%s of a raw %s: no tenant was admitted to it (run generated queries on the handle of DB.For or DB.Tx)", sel.Sel.Name, shortName(receiver))
	}
	if !raw && receiver != module+"/tenancy.Conn" && receiver != module+"/tenancy/crosstenant.Conn" || arg < 0 {
		return
	}
	if receiver == "database/sql.DB" || receiver == "database/sql.Conn" || receiver == "database/sql.Tx" {
		if !strings.HasSuffix(sel.Sel.Name, "Context") {
			arg = 0 // the methods without a context
		}
	}
	if arg < len(call.Args) && built(pass, call.Args[arg]) {
		pass.Reportf(call.Args[arg].Pos(), "SQL is put together at run time, so no proof has seen it (write a query file, and pass values as parameters)")
	}
}

// built reports whether an expression is a string made from parts that are not
// constant. A variable is taken for a constant that was moved.
func built(pass *analysis.Pass, e ast.Expr) bool {
	if pass.TypesInfo.Types[e].Value != nil {
		return false
	}
	switch e := ast.Unparen(e).(type) {
	case *ast.BinaryExpr:
		return e.Op == token.ADD
	case *ast.CallExpr:
		fn, ok := e.Fun.(*ast.SelectorExpr)
		if !ok {
			return false
		}
		obj := pass.TypesInfo.Uses[fn.Sel]
		if obj == nil || obj.Pkg() == nil {
			return false
		}
		switch obj.Pkg().Path() + "." + obj.Name() {
		case "fmt.Sprintf", "fmt.Sprint", "strings.Join", "strings.ReplaceAll", "strings.Replace", "strings.String":
			return true
		}
	}
	return false
}

// typeName returns the path and name of a named type, through one pointer.
func typeName(t types.Type) string {
	if t == nil {
		return ""
	}
	if p, ok := types.Unalias(t).(*types.Pointer); ok {
		t = p.Elem()
	}
	n, ok := types.Unalias(t).(*types.Named)
	if !ok || n.Obj().Pkg() == nil {
		return ""
	}
	return n.Obj().Pkg().Path() + "." + n.Obj().Name()
}

func shortName(full string) string {
	short := full[strings.LastIndexByte(full, '/')+1:]
	return strings.Replace(short, "v5.", "pgx.", 1)
}
