package tenancy

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// call is one statement and its arguments, or enter with a token.
type call struct {
	sql   string
	args  []any
	token []byte
	echo  int64
}

// arguments are those of the statement, in the form for pgx.
func (c *call) arguments() []any {
	if c.token != nil {
		return []any{string(c.token), c.echo}
	}
	return c.args
}

// session is what the library keeps on a connection from one flight to the
// next: what it knows of the statements, each with the token that was last sent
// in front of it, and room to encode arguments in.
//
// It does what pgx's batch does in each of its modes, with less work for each
// statement: one buffer is written for the context and the statement together,
// and the columns are described once. And an argument that does not fit is found
// while nothing is on its way, so that it costs no connection.
type session struct {
	pid      string
	mode     pgx.QueryExecMode
	tracer   pgx.BatchTracer // nil without one
	types    *pgtype.Map
	known    map[string]*prepared
	capacity int
	sends    uint64   // the age of the statements, counted in sends
	closing  []string // names to be given up with the next round trip that prepares
	names    uint64
	encoder  pgx.ExtendedQueryBuilder
	batch    pgconn.Batch // of the send that is being written
	enter    enterValues
}

// enterValues are the arguments of enter in the form of the protocol: the token,
// and the echo as a big-endian bigint.
type enterValues struct {
	list [2][]byte
	echo [8]byte
}

var enterFormats = []int16{pgtype.TextFormatCode, pgtype.BinaryFormatCode}

func (v *enterValues) of(c *call) [][]byte {
	binary.BigEndian.PutUint64(v.echo[:], uint64(c.echo)) //nolint:gosec // the bits are what counts
	v.list = [2][]byte{c.token, v.echo[:]}
	return v.list[:]
}

// prepared is one statement as the server described it; in the mode
// cache_statement it is kept there under a name.
type prepared struct {
	description *pgconn.StatementDescription
	parameters  pgconn.StatementDescription // without columns, which the encoder would look at each time
	formats     []int16
	fields      []pgconn.FieldDescription // with the format that is asked for
	used        uint64
	token       lastToken // what was last sent in front of it
}

const sessionData = "watertight"

// newSession begins with the process id of the backend, as the server tells it: a
// pooler makes up another one for the start-up.
func newSession(conn *pgx.Conn, pid uint32) *session {
	config := conn.Config()
	s := &session{
		pid:      strconv.FormatUint(uint64(pid), 10),
		mode:     config.DefaultQueryExecMode,
		types:    conn.TypeMap(),
		known:    map[string]*prepared{},
		capacity: config.DescriptionCacheCapacity,
	}
	s.tracer, _ = config.Tracer.(pgx.BatchTracer)
	if s.named() {
		s.capacity = config.StatementCacheCapacity
	}
	conn.PgConn().CustomData()[sessionData] = s
	return s
}

// named reports whether statements stay on the server under names, which only
// this connection's own backend has.
func (s *session) named() bool { return s.mode == pgx.QueryExecModeCacheStatement }

func sessionOf(conn *pgx.Conn) *session {
	return conn.PgConn().CustomData()[sessionData].(*session)
}

// send writes all calls and one Sync in one piece, and says where their answers
// are to be read. Outside a transaction they are one.
func (s *session) send(ctx context.Context, conn *pgconn.PgConn, calls []call, a *answers) error {
	if err := s.prepare(ctx, conn, calls); err != nil {
		return err
	}
	a.session = s
	for i := range calls {
		c := &calls[i]
		p := s.known[c.sql] // nil in the mode exec, which asks the server nothing
		if err := s.put(c, p); err != nil {
			// The arguments may be wrong, or what the server once said of the
			// statement: the next time it is asked again.
			s.giveUp(p)
			s.batch = pgconn.Batch{}
			return &veiled{public: misfit, causes: []error{err}}
		}
		a.sent = append(a.sent, p)
	}
	a.guard.begin(ctx, conn.Conn())
	a.reader = conn.ExecBatch(ctx, &s.batch)
	s.batch = pgconn.Batch{} // nothing of a scope stays
	return nil
}

// put adds a call to the batch.
func (s *session) put(c *call, p *prepared) error {
	values, formats, err := s.encode(c, p)
	if err != nil {
		return err
	}
	switch {
	case p == nil:
		s.batch.ExecParams(c.sql, values, nil, formats, nil)
	case s.named():
		s.batch.ExecStatement(p.description, values, formats, p.formats)
	default:
		s.batch.ExecParams(c.sql, values, p.parameters.ParamOIDs, formats, p.formats)
	}
	return nil
}

// encode returns the arguments of a call in the form of the protocol.
func (s *session) encode(c *call, p *prepared) (values [][]byte, formats []int16, err error) {
	if c.token != nil {
		return s.enter.of(c), enterFormats, nil
	}
	var parameters *pgconn.StatementDescription
	if p != nil {
		parameters = &p.parameters
	}
	err = s.encoder.Build(s.types, parameters, c.args)
	return s.encoder.ParamValues, s.encoder.ParamFormats, err
}

// prepare makes sure that all calls are known, for which it needs a round trip
// the first time.
func (s *session) prepare(ctx context.Context, conn *pgconn.PgConn, calls []call) error {
	switch s.mode {
	case pgx.QueryExecModeExec:
		return nil
	case pgx.QueryExecModeDescribeExec:
		clear(s.known)
	}
	s.sends++
	var missing []string
	for _, c := range calls {
		if p := s.known[c.sql]; p != nil {
			p.used = s.sends
		} else if !slices.Contains(missing, c.sql) {
			missing = append(missing, c.sql)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	s.makeRoom(len(missing))
	pipeline := conn.StartPipeline(ctx)
	for _, name := range s.closing {
		pipeline.SendDeallocate(name)
	}
	first := s.names
	for _, sql := range missing {
		s.names++
		pipeline.SendPrepare(s.name(s.names), sql, nil)
	}
	err := pipeline.Sync()
	for range s.closing {
		if err == nil {
			_, err = pipeline.GetResults()
		}
	}
	s.closing = s.closing[:0]
	for i, sql := range missing {
		if err != nil {
			break
		}
		var result any
		if result, err = pipeline.GetResults(); err == nil {
			err = s.keep(sql, s.name(first+uint64(i)+1), result)
		}
	}
	if end := pipeline.Close(); err == nil {
		err = end
	}
	if err == nil && conn.Frontend().ReadBufferLen() > 0 {
		err = errAnswer // more came than was asked for
	}
	return err
}

func (s *session) name(n uint64) string {
	if !s.named() {
		return ""
	}
	return "watertight_" + strconv.FormatUint(n, 10)
}

func (s *session) keep(sql, name string, result any) error {
	d, ok := result.(*pgconn.StatementDescription)
	if !ok {
		return fmt.Errorf("prepare a statement: the server answered with %T", result)
	}
	d.Name, d.SQL = name, sql
	p := &prepared{
		description: d,
		parameters:  pgconn.StatementDescription{ParamOIDs: d.ParamOIDs},
		formats:     make([]int16, len(d.Fields)),
		fields:      slices.Clone(d.Fields),
		used:        s.sends,
	}
	for i := range p.fields {
		p.formats[i] = s.types.FormatCodeForOID(p.fields[i].DataTypeOID)
		p.fields[i].Format = p.formats[i]
	}
	s.known[sql] = p
	return nil
}

// makeRoom gives up the statements that were used the longest time ago, but
// none that is about to be sent.
func (s *session) makeRoom(n int) {
	for len(s.known)+n > s.capacity {
		oldest := ""
		for sql, p := range s.known {
			if p.used < s.sends && sql != sqlEnter && (oldest == "" || p.used < s.known[oldest].used) {
				oldest = sql
			}
		}
		if oldest == "" {
			return
		}
		s.giveUp(s.known[oldest])
	}
}

func (s *session) giveUp(p *prepared) {
	if p == nil || s.known[p.description.SQL] != p {
		return
	}
	delete(s.known, p.description.SQL)
	if s.named() {
		s.closing = append(s.closing, p.description.Name)
	}
}

// failed gives a statement up if preparing it anew may help: its table may have
// changed since, or the server may not know it any more. A value that its type
// cannot read may be meant for a type that the column got since. Other errors are
// about data, and likely to come again; pgx would prepare after each of them.
func (s *session) failed(p *prepared, err error) {
	var pg *pgconn.PgError
	if p == nil || !errors.As(err, &pg) || len(pg.Code) < 2 {
		return
	}
	switch pg.Code[:2] {
	case "22":
		if pg.Code != "22P02" && pg.Code != "22P03" {
			return
		}
	case "21", "23", "40", "53", "55", "57", "P0":
		return
	}
	if pg.Code != "42501" && p.description.SQL != sqlEnter {
		s.giveUp(p)
	}
}

// outdated reports whether Postgres refused a statement before doing anything,
// because it was prepared or described for a table that has changed since, or is
// gone.
func outdated(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "0A000" && pg.Routine == "RevalidateCachedQuery" ||
		pg.Code == "08P01" && pg.Routine == "PortalSetResultFormat" || // another number of columns
		pg.Code == "26000")
}

// answers are the results of one send, read in its order.
type answers struct {
	session *session
	reader  *pgconn.MultiResultReader
	guard   guard
	sent    []*prepared
	next    int
	last    pgx.Rows
	closed  bool
	err     error
}

func (a *answers) result() (*pgconn.ResultReader, error) {
	if a.last != nil {
		a.last.Close()
		a.last = nil
	}
	if a.closed || a.next == len(a.sent) {
		return nil, errBatchDone
	}
	a.next++
	if !a.reader.NextResult() {
		if a.Close() == nil {
			a.err = errAnswer // one is missing
		}
		return nil, a.err
	}
	return a.reader.ResultReader(), nil
}

func (a *answers) Exec() (pgconn.CommandTag, error) {
	r, err := a.result()
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	return r.Close()
}

func (a *answers) Query() (pgx.Rows, error) {
	r, err := a.result()
	if err != nil {
		return nil, err
	}
	a.last = pgx.RowsFromResultReader(a.session.types, r)
	return a.last, nil
}

// Close reads what is left. The reader belongs to the connection: afterwards it
// may be somebody else's.
func (a *answers) Close() error {
	if a.closed {
		return a.err
	}
	if a.last != nil {
		a.last.Close()
		a.last = nil
	}
	a.closed = true
	a.err = a.reader.Close()
	a.guard.lift()
	if a.err != nil {
		for _, p := range a.sent[max(a.next-1, 0):] {
			a.session.failed(p, a.err)
		}
	}
	return a.err
}
