package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// client is a browser of one customer's owner.
type client struct {
	base   string
	signIn string
}

// do sends a request and returns the status and the body.
func (c client) do(ctx context.Context, method, path string, body any) (int, string, error) {
	var send io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return 0, "", err
		}
		send = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(ctx, method, c.base+path, send)
	if err != nil {
		return 0, "", err
	}
	if c.signIn != "" {
		r.Header.Set("Authorization", "Bearer "+c.signIn)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, "", fmt.Errorf("%s %s: %w", method, path, err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	return answer.StatusCode, string(bytes.TrimSpace(text)), err
}
