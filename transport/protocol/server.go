package protocol

// Version is the version of the protocol.
const Version = "1"

// The size of the largest message to a connection, in bytes: the member of
// initialize and the query of its address, what holds without either, and the
// least that can be asked for. A chunk of output fits into that, and an error for
// each member of a batch.
const (
	MaxMessageMember  = "maxMessageBytes"
	DefaultMaxMessage = 1<<20 - 4<<10 // the usual clients take 1 MiB
	MinMaxMessage     = 64 << 10
)

// Initialize is the params of initialize.
type Initialize struct {
	ClientInfo      *Info  `json:"clientInfo,omitempty" doc:"who calls"`
	MaxMessageBytes *int64 `json:"maxMessageBytes,omitempty" min:"65536" doc:"largest message that this connection takes from now on, up to messageBytes of the limits"`
}

// Info names a program and its version.
type Info struct {
	Name    string `json:"name" doc:"name of the program"`
	Version string `json:"version" doc:"version of the program"`
}

// Initialized is the result of initialize.
type Initialized struct {
	ServerInfo      Info         `json:"serverInfo" doc:"who answers"`
	ProtocolVersion string       `json:"protocolVersion" doc:"\"1\""`
	Limits          ServerLimits `json:"limits" doc:"limits of this server"`
}

// ServerLimits are the limits of a server that a client should know.
type ServerLimits struct {
	MessageBytes       int     `json:"messageBytes" doc:"size of one message to the server"`
	MaxMessageBytes    int     `json:"maxMessageBytes" doc:"size of one message to this connection"`
	Batch              int     `json:"batch" doc:"members of one batch"`
	Sessions           int     `json:"sessions" doc:"live sessions of the server"`
	Queue              int     `json:"queue" doc:"commands that wait in one session"`
	InFlight           int     `json:"inFlight" doc:"calls of one connection that are not answered"`
	FileBytes          int64   `json:"fileBytes" doc:"content of one write_file"`
	StdinBytes         int64   `json:"stdinBytes" doc:"stdin of one command"`
	OutputBytes        int     `json:"outputBytes" doc:"output that is kept of one execution"`
	Args               int     `json:"args" doc:"arguments of one command"`
	ArgumentBytes      int     `json:"argumentBytes" doc:"one argument or variable"`
	IdleTimeoutMinutes float64 `json:"idleTimeoutMinutes" doc:"largest idleTimeoutMinutes"`
	MaxLifetimeMinutes float64 `json:"maxLifetimeMinutes" doc:"largest maxLifetimeMinutes"`
	MemoryLimitMB      int64   `json:"memoryLimitMB" doc:"largest memoryLimitMB"`
	CPUs               float64 `json:"cpus" doc:"largest cpus"`
	ProcessLimit       int64   `json:"processLimit" doc:"largest processLimit"`
	DiskLimitMB        int64   `json:"diskLimitMB" doc:"largest diskLimitMB"`
	TimeoutMs          int64   `json:"timeoutMs" doc:"largest timeoutMs"`
}

// LanguageList is the result of language.list.
type LanguageList struct {
	Languages []Language `json:"languages" doc:"every language of the protocol"`
}

// Language is one language.
type Language struct {
	Name     string   `json:"name" doc:"canonical name"`
	Aliases  []string `json:"aliases" doc:"other names"`
	Runtimes []string `json:"runtimes" doc:"runtimes that serve it here now"`
	Default  *string  `json:"default" doc:"runtime that Balanced chooses now; null when none serves it"`
}

// RuntimeList is the result of runtime.list.
type RuntimeList struct {
	Runtimes []Runtime `json:"runtimes" doc:"runtimes this server was built with"`
}

// Runtime is one runtime and what it offers now.
type Runtime struct {
	RuntimeType  string            `json:"runtimeType" doc:"its name"`
	Available    bool              `json:"available" doc:"sessions can be created on it"`
	Reason       string            `json:"reason,omitempty" doc:"why it is not available, and what to do"`
	Version      string            `json:"version" doc:"of the engine, of bun, of deno"`
	ToolVersions map[string]string `json:"toolVersions" doc:"what programs find"`
	Languages    []string          `json:"languages" doc:"languages it serves now"`
	StartupMs    float64           `json:"startupMs" doc:"create from cold plus the tool's hello"`
	MemoryMB     float64           `json:"memoryMB" doc:"idle environment with its idle tool"`
	Measured     bool              `json:"measured" doc:"startupMs and memoryMB were measured on this host; otherwise they are declared"`
	Isolation    Isolation         `json:"isolation" doc:"what an environment gets here"`
	Capabilities Capabilities      `json:"capabilities" doc:"what its sessions can do"`
	Pool         Pool              `json:"pool" doc:"ready environments"`
}

// Capabilities is what sessions on a runtime can do.
type Capabilities struct {
	Commands []string `json:"commands" doc:"types of commands"`
	PTY      bool     `json:"pty" doc:"a command may have a terminal"`
	Stateful []string `json:"stateful" doc:"languages whose execute_code keeps its variables"`
}

// Pool counts ready environments.
type Pool struct {
	Warm   int `json:"warm" doc:"ready now"`
	Target int `json:"target" doc:"aimed at"`
}
