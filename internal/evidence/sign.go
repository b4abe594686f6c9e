package evidence

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
)

// format names the signed file and separates its signatures from any other.
const format = "watertight-evidence/1"

// envelope is the signed file.
type envelope struct {
	Format    string `json:"format"`
	Document  []byte `json:"document"`
	Key       []byte `json:"key"`
	Signature []byte `json:"signature"`
}

// ErrSignature says that the file is not what the key signed.
var ErrSignature = errors.New("the signature does not fit: the file was changed, or signed by another key")

// ErrFormat says that the file is no signed evidence.
var ErrFormat = errors.New("not a signed evidence file (write one with watertight prove --evidence)")

// Sign writes the document with a signature.
func Sign(d Document, key ed25519.PrivateKey) ([]byte, error) {
	document, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("write the evidence: %w", err)
	}
	out, err := json.MarshalIndent(envelope{
		Format: format, Document: document,
		Key: key.Public().(ed25519.PublicKey), Signature: ed25519.Sign(key, signed(document)),
	}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the evidence: %w", err)
	}
	return append(out, '\n'), nil
}

func signed(document []byte) []byte { return append([]byte(format+"\n"), document...) }

// Open checks the signature and returns the document and the key that signed
// it. A trusted key, if given, has to be that key. It returns [ErrFormat] and
// [ErrSignature].
func Open(file []byte, trusted ed25519.PublicKey) (Document, ed25519.PublicKey, error) {
	var e envelope
	if err := strict(file, &e); err != nil || e.Format != format || len(e.Key) != ed25519.PublicKeySize || !canonical(file, e) {
		return Document{}, nil, ErrFormat
	}
	key := ed25519.PublicKey(e.Key)
	if trusted != nil && !trusted.Equal(key) || !ed25519.Verify(key, signed(e.Document), e.Signature) {
		return Document{}, nil, ErrSignature
	}
	var d Document
	if err := strict(e.Document, &d); err != nil {
		return Document{}, nil, ErrFormat
	}
	return d, key, nil
}

// canonical says whether the file is written as Sign writes it: one document
// has one file, so that no field stands twice and nothing stands beside.
func canonical(file []byte, e envelope) bool {
	again, err := json.MarshalIndent(e, "", "  ")
	return err == nil && bytes.Equal(bytes.TrimSuffix(file, []byte("\n")), again)
}

// strict decodes one JSON value without unknown fields and without a rest.
func strict(data []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return ErrFormat
	}
	return nil
}

// ParsePrivateKey reads an Ed25519 key in PKCS #8 and PEM, as "openssl genpkey
// -algorithm ed25519" writes it. The error does not repeat the text.
func ParsePrivateKey(text []byte) (ed25519.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "PRIVATE KEY" {
		return nil, errPrivateKey
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errPrivateKey
	}
	private, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, errPrivateKey
	}
	return private, nil
}

var (
	errPrivateKey = errors.New("not an Ed25519 private key (make one with openssl genpkey -algorithm ed25519)")
	errPublicKey  = errors.New("not an Ed25519 public key (give what prove printed, or openssl pkey -pubout)")
)

// FormatPublicKey writes a key in one line.
func FormatPublicKey(key ed25519.PublicKey) string { return base64.StdEncoding.EncodeToString(key) }

// ParsePublicKey reads what FormatPublicKey wrote, or a PEM file.
func ParsePublicKey(text string) (ed25519.PublicKey, error) {
	if block, _ := pem.Decode([]byte(text)); block != nil {
		key, err := x509.ParsePKIXPublicKey(block.Bytes)
		public, ok := key.(ed25519.PublicKey)
		if err != nil || !ok {
			return nil, errPublicKey
		}
		return public, nil
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) != ed25519.PublicKeySize {
		return nil, errPublicKey
	}
	return raw, nil
}
