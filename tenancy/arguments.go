package tenancy

import (
	"errors"
	"net/netip"
	"reflect"
	"sync"
	"time"

	"github.com/google/uuid"
)

// maxDepth bounds the walk through one argument; a value nested deeper, or one
// that contains itself, is refused.
const maxDepth = 16

var errTooDeep = errors.New("an argument is nested too deeply to be checked for tenant ids (pass plain values)")

var idType = reflect.TypeFor[ID]()

// checkArgs refuses arguments in which any tenant ID, however deep, is zero or
// not want. A zero want, of a cross-tenant handle, accepts every tenant.
func checkArgs(want ID, args []any) error {
	for _, a := range args {
		if err := checkArg(want, a); err != nil {
			return err
		}
	}
	return nil
}

func checkArg(want ID, arg any) error {
	switch v := arg.(type) {
	case ID:
		return checkID(want, v)
	case nil, string, bool, int, int16, int32, int64, float32, float64, []byte, uuid.UUID, time.Time, time.Duration,
		netip.Addr, *string, *bool, *int32, *int64, *time.Time, *uuid.UUID, []string, []int32, []int64, []uuid.UUID:
		return nil // cannot hold one; the list only saves the look-up below
	}
	v := reflect.ValueOf(arg)
	if !mayHoldID(v.Type()) {
		return nil
	}
	return walk(want, v, 0)
}

func checkID(want, got ID) error {
	switch {
	case got.IsZero():
		return ErrNoTenant
	case got != want && !want.IsZero():
		return ErrTenantMismatch
	}
	return nil
}

// walk visits every ID inside v, in unexported fields too: an encoder of the
// type's own could send those as well.
func walk(want ID, v reflect.Value, depth int) error {
	if depth > maxDepth {
		return errTooDeep
	}
	if v.Type() == idType {
		return checkID(want, readID(v))
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			if v.Type().Elem() == idType {
				return ErrNoTenant // would be sent as NULL
			}
			return nil
		}
		return walk(want, v.Elem(), depth+1)
	case reflect.Interface:
		if v.IsNil() || !mayHoldID(v.Elem().Type()) {
			return nil
		}
		return walk(want, v.Elem(), depth+1)
	case reflect.Slice, reflect.Array:
		if !mayHoldID(v.Type().Elem()) {
			return nil
		}
		for i := range v.Len() {
			if err := walk(want, v.Index(i), depth+1); err != nil {
				return err
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if !mayHoldID(v.Field(i).Type()) {
				continue
			}
			if err := walk(want, v.Field(i), depth+1); err != nil {
				return err
			}
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			for _, part := range []reflect.Value{it.Key(), it.Value()} {
				if !mayHoldID(part.Type()) {
					continue
				}
				if err := walk(want, part, depth+1); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// readID copies an ID byte by byte: Interface is not allowed on a value that
// was reached through an unexported field.
func readID(v reflect.Value) ID {
	var id ID
	raw := v.Field(0)
	for i := range id.uuid {
		id.uuid[i] = byte(raw.Index(i).Uint())
	}
	return id
}

var holders sync.Map // reflect.Type → bool

// mayHoldID reports whether a value of type t can contain a tenant ID.
func mayHoldID(t reflect.Type) bool {
	if known, ok := holders.Load(t); ok {
		return known.(bool)
	}
	may := searchType(t, map[reflect.Type]bool{})
	holders.Store(t, may)
	return may
}

func searchType(t reflect.Type, seen map[reflect.Type]bool) bool {
	if t == idType {
		return true
	}
	if seen[t] {
		return false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Interface:
		return true
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return searchType(t.Elem(), seen)
	case reflect.Map:
		return searchType(t.Key(), seen) || searchType(t.Elem(), seen)
	case reflect.Struct:
		for i := range t.NumField() {
			if searchType(t.Field(i).Type, seen) {
				return true
			}
		}
	}
	return false
}
