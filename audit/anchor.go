package audit

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// An Anchor keeps checkpoints where nobody who can change the database can
// change them: an append-only log host, object storage with a retention lock,
// the customer's own mailbox.
type Anchor interface {
	// Publish keeps a signed checkpoint. It may be called with one it has.
	Publish(ctx context.Context, checkpoint []byte) error
}

// Publish sends the checkpoints of the logs that grew since the last time to
// the anchors. What an anchor refuses is tried again the next time.
func (s *Sealer) Publish(ctx context.Context) error {
	for t, note := range s.dirty {
		if err := s.publish(ctx, note); err != nil {
			return err
		}
		delete(s.dirty, t)
	}
	return nil
}

// Heartbeat sends the newest checkpoint of every log to the anchors, also when
// nothing happened: a silent anchor is then a sign that something is wrong.
func (s *Sealer) Heartbeat(ctx context.Context) error {
	if len(s.cfg.Anchors) == 0 {
		return nil
	}
	rows, err := s.pool.Query(ctx, sqlHeads)
	if err != nil {
		return clean("read the checkpoints", err)
	}
	var (
		t    uuid.UUID
		size int64
		note string
	)
	_, err = pgx.ForEachRow(rows, []any{&t, &size, &note}, func() error {
		if err := s.publish(ctx, []byte(note)); err != nil {
			return err
		}
		if string(s.dirty[t]) == note {
			delete(s.dirty, t)
		}
		return nil
	})
	if err != nil {
		return clean("publish the checkpoints", err)
	}
	return nil
}

func (s *Sealer) publish(ctx context.Context, note []byte) error {
	var errs []error
	for _, a := range s.cfg.Anchors {
		if err := a.Publish(ctx, note); err != nil {
			errs = append(errs, fmt.Errorf("publish a checkpoint: %w", err))
		}
	}
	return errors.Join(errs...)
}

// anchored is one line of an anchor's file.
type anchored struct {
	At         time.Time `json:"at"` // by the anchor's own clock
	Checkpoint string    `json:"checkpoint"`
}

// WriterAnchor writes one line of JSON a checkpoint: {"at":…,"checkpoint":…}.
// With os.Stdout it hands them to whatever ships the process's log lines.
func WriterAnchor(w io.Writer) Anchor { return &writerAnchor{w: w} }

type writerAnchor struct {
	mu sync.Mutex
	w  io.Writer
}

func (a *writerAnchor) Publish(_ context.Context, checkpoint []byte) error {
	line, err := json.Marshal(anchored{time.Now().UTC(), string(checkpoint)})
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	_, err = a.w.Write(append(line, '\n'))
	return err
}

// FileAnchor appends the same lines to a file, on another machine's mount if
// it is to be of use, and syncs each of them to the disk.
func FileAnchor(path string) Anchor { return fileAnchor(path) }

type fileAnchor string

func (a fileAnchor) Publish(ctx context.Context, checkpoint []byte) error {
	f, err := os.OpenFile(string(a), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	err = WriterAnchor(f).Publish(ctx, checkpoint)
	if err == nil {
		err = f.Sync()
	}
	if end := f.Close(); err == nil {
		err = end
	}
	return err
}

// ReadAnchor reads the checkpoints that an anchor of this package wrote, or a
// single one as it is.
func ReadAnchor(r io.Reader) ([][]byte, error) {
	var notes [][]byte
	b := bufio.NewReader(r)
	if first, _ := b.Peek(1); len(first) == 1 && first[0] != '{' {
		note, err := io.ReadAll(io.LimitReader(b, maxNote+1))
		return [][]byte{note}, err
	}
	for {
		line, err := b.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			var a anchored
			if json.Unmarshal(line, &a) != nil || a.Checkpoint == "" {
				return nil, fmt.Errorf("line %d is no checkpoint of an anchor", len(notes)+1)
			}
			notes = append(notes, []byte(a.Checkpoint))
		}
		if errors.Is(err, io.EOF) {
			return notes, nil
		}
		if err != nil {
			return nil, err
		}
	}
}
