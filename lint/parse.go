package lint

import (
	"errors"
	"fmt"

	pg "github.com/sqlc-dev/oliphant"
	"github.com/sqlc-dev/oliphant/parser"
)

// This file is the only one that knows which parser is used. Everything else
// speaks of the aliases below, so that another parser with the same tree (the
// cgo and wasm builds of pg_query have it) can be put in here.

// The statement and expression nodes the analysis understands.
type (
	node             = pg.Node
	rawStmt          = pg.RawStmt
	selectStmt       = pg.SelectStmt
	insertStmt       = pg.InsertStmt
	updateStmt       = pg.UpdateStmt
	deleteStmt       = pg.DeleteStmt
	mergeStmt        = pg.MergeStmt
	mergeWhen        = pg.MergeWhenClause
	withClause       = pg.WithClause
	commonTableExpr  = pg.CommonTableExpr
	onConflictClause = pg.OnConflictClause
	returningClause  = pg.ReturningClause
	rangeVar         = pg.RangeVar
	rangeSubselect   = pg.RangeSubselect
	rangeFunction    = pg.RangeFunction
	rangeTableSample = pg.RangeTableSample
	rangeTableFunc   = pg.RangeTableFunc
	jsonTable        = pg.JsonTable
	joinExpr         = pg.JoinExpr
	alias            = pg.Alias
	resTarget        = pg.ResTarget
	columnRef        = pg.ColumnRef
	paramRef         = pg.ParamRef
	funcCall         = pg.FuncCall
	subLink          = pg.SubLink
	aExpr            = pg.A_Expr
	aConst           = pg.A_Const
	boolExpr         = pg.BoolExpr
	nullTest         = pg.NullTest
	booleanTest      = pg.BooleanTest
	caseExpr         = pg.CaseExpr
	caseWhen         = pg.CaseWhen
	coalesceExpr     = pg.CoalesceExpr
	rowExpr          = pg.RowExpr
	typeCast         = pg.TypeCast
	typeName         = pg.TypeName
	collateClause    = pg.CollateClause
	aIndirection     = pg.A_Indirection
	aArrayExpr       = pg.A_ArrayExpr
	aStar            = pg.A_Star
	multiAssignRef   = pg.MultiAssignRef
	windowDef        = pg.WindowDef
	groupingSet      = pg.GroupingSet
	currentOfExpr    = pg.CurrentOfExpr
	setToDefault     = pg.SetToDefault
	stringNode       = pg.String
	listNode         = pg.List
)

// The schema statements the catalogue reader understands.
type (
	createStmt            = pg.CreateStmt
	createForeignStmt     = pg.CreateForeignTableStmt
	createTableAsStmt     = pg.CreateTableAsStmt
	createFunctionStmt    = pg.CreateFunctionStmt
	createTrigStmt        = pg.CreateTrigStmt
	createSchemaStmt      = pg.CreateSchemaStmt
	compositeTypeStmt     = pg.CompositeTypeStmt
	createDomainStmt      = pg.CreateDomainStmt
	createEnumStmt        = pg.CreateEnumStmt
	defineStmt            = pg.DefineStmt
	viewStmt              = pg.ViewStmt
	indexStmt             = pg.IndexStmt
	ruleStmt              = pg.RuleStmt
	columnDef             = pg.ColumnDef
	constraintNode        = pg.Constraint
	tableLike             = pg.TableLikeClause
	alterTableStmt        = pg.AlterTableStmt
	alterTableCmd         = pg.AlterTableCmd
	renameStmt            = pg.RenameStmt
	alterObjectSchemaStmt = pg.AlterObjectSchemaStmt
	dropStmt              = pg.DropStmt
	variableSetStmt       = pg.VariableSetStmt
	doStmt                = pg.DoStmt
)

const (
	exprOp            = pg.A_Expr_Kind_AEXPR_OP
	exprOpAny         = pg.A_Expr_Kind_AEXPR_OP_ANY
	exprOpAll         = pg.A_Expr_Kind_AEXPR_OP_ALL
	exprDistinct      = pg.A_Expr_Kind_AEXPR_DISTINCT
	exprNotDistinct   = pg.A_Expr_Kind_AEXPR_NOT_DISTINCT
	exprIn            = pg.A_Expr_Kind_AEXPR_IN
	exprLike          = pg.A_Expr_Kind_AEXPR_LIKE
	exprILike         = pg.A_Expr_Kind_AEXPR_ILIKE
	exprBetween       = pg.A_Expr_Kind_AEXPR_BETWEEN
	exprNotBetween    = pg.A_Expr_Kind_AEXPR_NOT_BETWEEN
	exprBetweenSym    = pg.A_Expr_Kind_AEXPR_BETWEEN_SYM
	exprNotBetweenSym = pg.A_Expr_Kind_AEXPR_NOT_BETWEEN_SYM

	boolAnd = pg.BoolExprType_AND_EXPR
	boolOr  = pg.BoolExprType_OR_EXPR
	boolNot = pg.BoolExprType_NOT_EXPR

	subExists     = pg.SubLinkType_EXISTS_SUBLINK
	subAll        = pg.SubLinkType_ALL_SUBLINK
	subAny        = pg.SubLinkType_ANY_SUBLINK
	subRowCompare = pg.SubLinkType_ROWCOMPARE_SUBLINK
	subExpr       = pg.SubLinkType_EXPR_SUBLINK

	setNone      = pg.SetOperation_SETOP_NONE
	setUnion     = pg.SetOperation_SETOP_UNION
	setIntersect = pg.SetOperation_SETOP_INTERSECT
	setExcept    = pg.SetOperation_SETOP_EXCEPT

	joinInner = pg.JoinType_JOIN_INNER
	joinLeft  = pg.JoinType_JOIN_LEFT
	joinFull  = pg.JoinType_JOIN_FULL
	joinRight = pg.JoinType_JOIN_RIGHT

	isNull     = pg.NullTestType_IS_NULL
	isNotNull  = pg.NullTestType_IS_NOT_NULL
	isTrue     = pg.BoolTestType_IS_TRUE
	isFalse    = pg.BoolTestType_IS_FALSE
	isNotTrue  = pg.BoolTestType_IS_NOT_TRUE
	isNotFalse = pg.BoolTestType_IS_NOT_FALSE

	conflictNothing = pg.OnConflictAction_ONCONFLICT_NOTHING
	conflictUpdate  = pg.OnConflictAction_ONCONFLICT_UPDATE

	mergeMatched            = pg.MergeMatchKind_MERGE_WHEN_MATCHED
	mergeNotMatchedBySource = pg.MergeMatchKind_MERGE_WHEN_NOT_MATCHED_BY_SOURCE
	mergeNotMatchedByTarget = pg.MergeMatchKind_MERGE_WHEN_NOT_MATCHED_BY_TARGET

	cmdInsert  = pg.CmdType_CMD_INSERT
	cmdUpdate  = pg.CmdType_CMD_UPDATE
	cmdDelete  = pg.CmdType_CMD_DELETE
	cmdNothing = pg.CmdType_CMD_NOTHING

	returnOld = pg.ReturningOptionKind_RETURNING_OPTION_OLD

	limitWithTies = pg.LimitOption_LIMIT_OPTION_WITH_TIES
	groupSimple   = pg.GroupingSetKind_GROUPING_SET_SIMPLE

	constrNotNull    = pg.ConstrType_CONSTR_NOTNULL
	constrNull       = pg.ConstrType_CONSTR_NULL
	constrDefault    = pg.ConstrType_CONSTR_DEFAULT
	constrIdentity   = pg.ConstrType_CONSTR_IDENTITY
	constrGenerated  = pg.ConstrType_CONSTR_GENERATED
	constrPrimary    = pg.ConstrType_CONSTR_PRIMARY
	constrUnique     = pg.ConstrType_CONSTR_UNIQUE
	constrExclusion  = pg.ConstrType_CONSTR_EXCLUSION
	constrForeign    = pg.ConstrType_CONSTR_FOREIGN
	constrDeferrable = pg.ConstrType_CONSTR_ATTR_DEFERRABLE

	atAddColumn       = pg.AlterTableType_AT_AddColumn
	atDropColumn      = pg.AlterTableType_AT_DropColumn
	atColumnDefault   = pg.AlterTableType_AT_ColumnDefault
	atSetNotNull      = pg.AlterTableType_AT_SetNotNull
	atDropNotNull     = pg.AlterTableType_AT_DropNotNull
	atAddConstraint   = pg.AlterTableType_AT_AddConstraint
	atDropConstraint  = pg.AlterTableType_AT_DropConstraint
	atAlterColumnType = pg.AlterTableType_AT_AlterColumnType
	atAddIdentity     = pg.AlterTableType_AT_AddIdentity
	atAddInherit      = pg.AlterTableType_AT_AddInherit
	atDropInherit     = pg.AlterTableType_AT_DropInherit
	atAttachPartition = pg.AlterTableType_AT_AttachPartition
	atDetachPartition = pg.AlterTableType_AT_DetachPartition

	objColumn        = pg.ObjectType_OBJECT_COLUMN
	objTable         = pg.ObjectType_OBJECT_TABLE
	objView          = pg.ObjectType_OBJECT_VIEW
	objMatview       = pg.ObjectType_OBJECT_MATVIEW
	objForeignTable  = pg.ObjectType_OBJECT_FOREIGN_TABLE
	objIndex         = pg.ObjectType_OBJECT_INDEX
	objSchema        = pg.ObjectType_OBJECT_SCHEMA
	objTabConstraint = pg.ObjectType_OBJECT_TABCONSTRAINT
	objFunction      = pg.ObjectType_OBJECT_FUNCTION
	objOperator      = pg.ObjectType_OBJECT_OPERATOR
	objRule          = pg.ObjectType_OBJECT_RULE
)

// syntaxError is a parse error with the byte offset at which it was noticed.
type syntaxError struct {
	Message string
	Offset  int
}

func (e *syntaxError) Error() string { return e.Message }

// parseSQL parses one or more statements. A panic of the parser on hostile
// input becomes an error: input that cannot be read is never a pass.
func parseSQL(sql string) (stmts []*rawStmt, err error) {
	defer func() {
		if r := recover(); r != nil {
			stmts, err = nil, &syntaxError{Message: fmt.Sprintf("the SQL parser gave up: %v", r)}
		}
	}()
	tree, err := pg.Parse(sql)
	if err != nil {
		var pe *parser.Error
		if errors.As(err, &pe) {
			return nil, &syntaxError{Message: pe.Message, Offset: max(pe.Cursorpos-1, 0)}
		}
		return nil, &syntaxError{Message: err.Error()}
	}
	return tree.GetStmts(), nil
}

// unwrap returns the message inside a node: the wrapper types of the protobuf
// oneof would double every type switch. Nil for nil.
func unwrap(n *node) any {
	if n == nil || n.Node == nil {
		return nil
	}
	// The oneof wrappers all have one field, reached here without reflection
	// for the nodes that occur in queries; the rest comes back as its wrapper,
	// which no type switch knows and so counts as not understood.
	switch v := n.Node.(type) {
	case *pg.Node_SelectStmt:
		return v.SelectStmt
	case *pg.Node_InsertStmt:
		return v.InsertStmt
	case *pg.Node_UpdateStmt:
		return v.UpdateStmt
	case *pg.Node_DeleteStmt:
		return v.DeleteStmt
	case *pg.Node_MergeStmt:
		return v.MergeStmt
	case *pg.Node_RangeVar:
		return v.RangeVar
	case *pg.Node_RangeSubselect:
		return v.RangeSubselect
	case *pg.Node_RangeFunction:
		return v.RangeFunction
	case *pg.Node_RangeTableSample:
		return v.RangeTableSample
	case *pg.Node_RangeTableFunc:
		return v.RangeTableFunc
	case *pg.Node_JsonTable:
		return v.JsonTable
	case *pg.Node_JoinExpr:
		return v.JoinExpr
	case *pg.Node_ResTarget:
		return v.ResTarget
	case *pg.Node_ColumnRef:
		return v.ColumnRef
	case *pg.Node_ParamRef:
		return v.ParamRef
	case *pg.Node_FuncCall:
		return v.FuncCall
	case *pg.Node_SubLink:
		return v.SubLink
	case *pg.Node_AExpr:
		return v.AExpr
	case *pg.Node_AConst:
		return v.AConst
	case *pg.Node_BoolExpr:
		return v.BoolExpr
	case *pg.Node_NullTest:
		return v.NullTest
	case *pg.Node_BooleanTest:
		return v.BooleanTest
	case *pg.Node_CaseExpr:
		return v.CaseExpr
	case *pg.Node_CaseWhen:
		return v.CaseWhen
	case *pg.Node_CoalesceExpr:
		return v.CoalesceExpr
	case *pg.Node_RowExpr:
		return v.RowExpr
	case *pg.Node_TypeCast:
		return v.TypeCast
	case *pg.Node_TypeName:
		return v.TypeName
	case *pg.Node_CollateClause:
		return v.CollateClause
	case *pg.Node_AIndirection:
		return v.AIndirection
	case *pg.Node_AArrayExpr:
		return v.AArrayExpr
	case *pg.Node_AStar:
		return v.AStar
	case *pg.Node_MultiAssignRef:
		return v.MultiAssignRef
	case *pg.Node_WindowDef:
		return v.WindowDef
	case *pg.Node_GroupingSet:
		return v.GroupingSet
	case *pg.Node_CurrentOfExpr:
		return v.CurrentOfExpr
	case *pg.Node_SetToDefault:
		return v.SetToDefault
	case *pg.Node_String_:
		return v.String_
	case *pg.Node_List:
		return v.List
	case *pg.Node_CommonTableExpr:
		return v.CommonTableExpr
	}
	return unwrapDDL(n)
}

func unwrapDDL(n *node) any {
	switch v := n.Node.(type) {
	case *pg.Node_CreateStmt:
		return v.CreateStmt
	case *pg.Node_CreateForeignTableStmt:
		return v.CreateForeignTableStmt
	case *pg.Node_CreateTableAsStmt:
		return v.CreateTableAsStmt
	case *pg.Node_CreateFunctionStmt:
		return v.CreateFunctionStmt
	case *pg.Node_CreateTrigStmt:
		return v.CreateTrigStmt
	case *pg.Node_CreateSchemaStmt:
		return v.CreateSchemaStmt
	case *pg.Node_CompositeTypeStmt:
		return v.CompositeTypeStmt
	case *pg.Node_CreateDomainStmt:
		return v.CreateDomainStmt
	case *pg.Node_CreateEnumStmt:
		return v.CreateEnumStmt
	case *pg.Node_DefineStmt:
		return v.DefineStmt
	case *pg.Node_ViewStmt:
		return v.ViewStmt
	case *pg.Node_IndexStmt:
		return v.IndexStmt
	case *pg.Node_IndexElem:
		return v.IndexElem
	case *pg.Node_RuleStmt:
		return v.RuleStmt
	case *pg.Node_ColumnDef:
		return v.ColumnDef
	case *pg.Node_Constraint:
		return v.Constraint
	case *pg.Node_TableLikeClause:
		return v.TableLikeClause
	case *pg.Node_AlterTableStmt:
		return v.AlterTableStmt
	case *pg.Node_AlterTableCmd:
		return v.AlterTableCmd
	case *pg.Node_RenameStmt:
		return v.RenameStmt
	case *pg.Node_AlterObjectSchemaStmt:
		return v.AlterObjectSchemaStmt
	case *pg.Node_DropStmt:
		return v.DropStmt
	case *pg.Node_VariableSetStmt:
		return v.VariableSetStmt
	case *pg.Node_PartitionCmd:
		return v.PartitionCmd
	case *pg.Node_DefElem:
		return v.DefElem
	case *pg.Node_DoStmt:
		return v.DoStmt
	}
	return n.Node
}
