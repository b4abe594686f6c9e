package figures

import (
	"runtime"
	"time"
)

// A Machine is what a reader has to know about where figures come from. It
// names no host and no path.
type Machine struct {
	Cores    int    `json:"cores"`
	System   string `json:"system"`
	Go       string `json:"go"`
	Postgres string `json:"postgres"`
	Date     string `json:"date"`
}

// ThisMachine describes where the program runs. The version is the server's.
func ThisMachine(postgres string) Machine {
	return Machine{
		Cores: runtime.NumCPU(), System: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version(),
		Postgres: postgres, Date: time.Now().UTC().Format(time.DateOnly),
	}
}
