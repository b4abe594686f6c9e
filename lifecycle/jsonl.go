package lifecycle

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"
)

var errNotUTF8 = errors.New("a value is not UTF-8 (export from a database with encoding UTF8)")

// appendRow appends one line: an object of the columns in their order, each the
// text that PostgreSQL writes for the value, or null.
func appendRow(b []byte, keys [][]byte, values [][]byte) ([]byte, error) {
	for i, v := range values {
		if i == 0 {
			b = append(b, '{')
		} else {
			b = append(b, ',')
		}
		b = append(b, keys[i]...)
		if v == nil {
			b = append(b, "null"...)
			continue
		}
		var err error
		if b, err = appendString(b, v); err != nil {
			return b, err
		}
	}
	return append(b, '}', '\n'), nil
}

// rowKeys are the columns' names as they stand in every line.
func rowKeys(columns []string) ([][]byte, error) {
	keys := make([][]byte, len(columns))
	for i, c := range columns {
		k, err := appendString(nil, []byte(c))
		if err != nil {
			return nil, err
		}
		keys[i] = append(k, ':')
	}
	return keys, nil
}

const hexDigits = "0123456789abcdef"

// appendString writes a JSON string with the fewest escapes. Invalid UTF-8 is
// an error, where encoding/json would replace it and so change the value.
func appendString(b, s []byte) ([]byte, error) {
	if !utf8.Valid(s) {
		return b, errNotUTF8
	}
	b = append(b, '"')
	from := 0
	for i, c := range s {
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	b = append(b, s[from:]...)
	return append(b, '"'), nil
}

// parseRow reads a line into values in the order of columns.
func parseRow(line []byte, columns []string) ([]*string, error) {
	var m map[string]*string
	if err := json.Unmarshal(line, &m); err != nil {
		return nil, errors.New("a line of the bundle is no row")
	}
	if len(m) != len(columns) {
		return nil, errors.New("a line of the bundle has " + strconv.Itoa(len(m)) + " columns, not " + strconv.Itoa(len(columns)))
	}
	values := make([]*string, len(columns))
	for i, c := range columns {
		v, ok := m[c]
		if !ok {
			return nil, fmt.Errorf("a line of the bundle lacks the column %s", c)
		}
		values[i] = v
	}
	return values, nil
}
