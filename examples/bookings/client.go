package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/watertight-go/watertight/examples/bookings/platform"
)

// client is a program of one customer's owner.
type client struct {
	base  string
	token string
}

// signIn gets a token, as openapi.yaml describes it.
func signIn(ctx context.Context, base string, c *platform.Customer) (client, error) {
	status, body, err := client{base: base}.do(ctx, http.MethodPost, "/api/session", map[string]string{"email": c.Email, "password": c.Password})
	if err != nil {
		return client{}, err
	}
	var answer struct {
		Token string `json:"access_token"`
	}
	if status != http.StatusOK {
		return client{}, fmt.Errorf("sign in: %d", status)
	}
	if json.Unmarshal([]byte(body), &answer) != nil {
		return client{}, errors.New("sign in: the answer is not JSON")
	}
	return client{base, answer.Token}, nil
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
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, "", fmt.Errorf("%s %s: %w", method, path, err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	return answer.StatusCode, string(bytes.TrimSpace(text)), err
}
