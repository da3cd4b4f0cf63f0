package protocol

// SessionCreate is the params of session.create.
type SessionCreate struct {
	Language           string            `json:"language" rpc:"required" doc:"language of the session: javascript, typescript, python, go, csharp, or an alias of one"`
	RuntimePreference  Preference        `json:"runtimePreference,omitempty" default:"\"Balanced\"" doc:"what matters most in the choice of a runtime"`
	RuntimeType        RuntimeType       `json:"runtimeType,omitempty" doc:"that runtime and no other"`
	IdleTimeoutMinutes *float64          `json:"idleTimeoutMinutes,omitempty" default:"30" doc:"the session ends after so long without activity; fractions are allowed"`
	MaxLifetimeMinutes *float64          `json:"maxLifetimeMinutes,omitempty" default:"120" doc:"the session ends so long after its creation; fractions are allowed"`
	MemoryLimitMB      *int64            `json:"memoryLimitMB,omitempty" default:"512" doc:"memory of all its processes together"`
	CPUs               *float64          `json:"cpus,omitempty" default:"1" doc:"processor time per second, in processors"`
	ProcessLimit       *int64            `json:"processLimit,omitempty" default:"128" doc:"processes and threads at one time"`
	DiskLimitMB        *int64            `json:"diskLimitMB,omitempty" default:"1024" doc:"size of the workspace; asked for more than half of memoryLimitMB it is on disk, and HOME and /tmp share it"`
	Network            Network           `json:"network,omitempty" default:"\"none\"" doc:"what its programs may reach"`
	Env                map[string]string `json:"env,omitempty" doc:"variables of every program"`
	DockerImage        *string           `json:"dockerImage,omitempty" doc:"another image than the language's, where the server's configuration allows it"`
	Labels             map[string]string `json:"labels,omitempty" doc:"free words to find the session by"`
	KillOnDisconnect   bool              `json:"killOnDisconnect,omitempty" default:"false" doc:"end the session when no connection has been attached to it for 30 s (the operator's disconnect-grace); its creator is attached from the start"`
	ClientToken        *string           `json:"clientToken,omitempty" doc:"the same token and params return the same session while it lives"`
}

// SessionRef is the params of methods that need nothing but a session.
type SessionRef struct {
	SessionID string `json:"sessionId" rpc:"required" doc:"id of the session"`
}

// SessionList is the params of session.list.
type SessionList struct {
	Limit  *int64            `json:"limit,omitempty" default:"100" min:"1" max:"1000" doc:"sessions in one answer"`
	Cursor *string           `json:"cursor,omitempty" doc:"nextCursor of the answer before"`
	Labels map[string]string `json:"labels,omitempty" doc:"only sessions that have all of these"`
}

// SessionExtend is the params of session.extend.
type SessionExtend struct {
	SessionID          string   `json:"sessionId" rpc:"required" doc:"id of the session"`
	IdleTimeoutMinutes *float64 `json:"idleTimeoutMinutes,omitempty" doc:"replaces the idle timeout"`
	MaxLifetimeMinutes *float64 `json:"maxLifetimeMinutes,omitempty" doc:"replaces the lifetime, which counts from createdAt"`
}

// Session is the session object.
type Session struct {
	SessionID     string        `json:"sessionId" doc:"id of the session"`
	EnvironmentID string        `json:"environmentId" doc:"id of the environment it has now"`
	ContainerID   string        `json:"containerId" doc:"id of the container, empty outside Docker"`
	RuntimeType   string        `json:"runtimeType" doc:"runtime that serves it"`
	Language      string        `json:"language" doc:"language of the session"`
	State         string        `json:"state" doc:"Creating, Active, Idle, Recovering, Closing or Closed"`
	CreatedAt     string        `json:"createdAt" doc:"RFC 3339, UTC"`
	Workspace     string        `json:"workspace" doc:"where its programs see their files"`
	Config        SessionConfig `json:"config" doc:"when it ends"`
	Limits        Limits        `json:"limits" doc:"limits in force, read back; null where there is none"`
	Isolation     Isolation     `json:"isolation" doc:"measures of isolation in force"`
	Pooled        bool          `json:"pooled" doc:"its environment came from a pool"`
}

// SessionConfig says when a session ends.
type SessionConfig struct {
	IdleTimeoutMinutes float64 `json:"idleTimeoutMinutes" doc:"without activity"`
	MaxLifetimeMinutes float64 `json:"maxLifetimeMinutes" doc:"after createdAt"`
}

// Limits are the limits in force; a nil member is none.
type Limits struct {
	MemoryMB        *float64 `json:"memoryMB" doc:"memory of all processes together"`
	ProcessMemoryMB *float64 `json:"processMemoryMB,omitempty" doc:"memory of each process by itself, where nothing bounds all together"`
	CPUs            *float64 `json:"cpus" doc:"processors"`
	Processes       *int64   `json:"processes" doc:"processes and threads"`
	DiskMB          *float64 `json:"diskMB" doc:"size of the workspace; on disk it is that of HOME and /tmp together with it"`
	Inodes          *int64   `json:"inodes" doc:"files of the workspace"`
	HomeMB          *float64 `json:"homeMB" doc:"size of HOME"`
	TmpMB           *float64 `json:"tmpMB" doc:"size of /tmp"`
	ShmMB           *float64 `json:"shmMB" doc:"size of /dev/shm"`
	OpenFiles       *int64   `json:"openFiles" doc:"file descriptors of a process"`
	OutputBytes     *int64   `json:"outputBytes" doc:"output of one execution"`
}

// Isolation is what keeps a session apart.
type Isolation struct {
	Score  int      `json:"score" doc:"0 to 10, computed from the layers"`
	Layers []string `json:"layers" doc:"measures in force, probed by effect"`
}

// SessionDetail is the session object of session.get and session.list.
type SessionDetail struct {
	Session
	LastActivity    string            `json:"lastActivity" doc:"RFC 3339, UTC"`
	ExecutionCount  int64             `json:"executionCount" doc:"commands run so far"`
	IdleMinutes     float64           `json:"idleMinutes" doc:"since lastActivity"`
	LifetimeMinutes float64           `json:"lifetimeMinutes" doc:"since createdAt"`
	Labels          map[string]string `json:"labels" doc:"labels it was created with"`
	Key             string            `json:"key,omitempty" doc:"id of the key that made it; only to a key with the role admin"`
}

// KeyUsage is the result of key.usage.
type KeyUsage struct {
	Sessions       int64     `json:"sessions" doc:"sessions that live"`
	MemoryMB       float64   `json:"memoryMB" doc:"memory that they may use together"`
	CPUs           float64   `json:"cpus" doc:"processors, likewise"`
	DiskMB         float64   `json:"diskMB" doc:"room for files, likewise"`
	CallsPerSecond float64   `json:"callsPerSecond" doc:"calls in the last second"`
	Limits         KeyLimits `json:"limits" doc:"what it may; null where nothing bounds it"`
}

// KeyLimits are the limits of a key, or of an address; a nil member is none.
type KeyLimits struct {
	CallsPerSecond   *float64 `json:"callsPerSecond" doc:"calls, notifications and malformed messages"`
	CreatesPerSecond *float64 `json:"createsPerSecond" doc:"calls of session.create"`
	BytesPerSecond   *float64 `json:"bytesPerSecond" doc:"bytes of messages to the server"`
	Sessions         *float64 `json:"sessions" doc:"sessions that live at once"`
	MemoryMB         *float64 `json:"memoryMB" doc:"memory of all of them together"`
	CPUs             *float64 `json:"cpus" doc:"processors, likewise"`
	DiskMB           *float64 `json:"diskMB" doc:"room for files, likewise"`
}

// SessionPage is the result of session.list.
type SessionPage struct {
	Count      int             `json:"count" doc:"sessions in this answer"`
	Sessions   []SessionDetail `json:"sessions" doc:"oldest first"`
	NextCursor string          `json:"nextCursor,omitempty" doc:"cursor of the next answer; absent behind the last"`
}

// SessionGone is the result of session.close.
type SessionGone struct {
	SessionID string `json:"sessionId" doc:"id that was given"`
	Closed    bool   `json:"closed" doc:"true"`
}

// Empty is a result without members.
type Empty struct{}

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
	Strongest    *Isolation        `json:"strongestIsolation,omitempty" doc:"what it gets for a session without a network that prefers Security, where that is more"`
	Capabilities Capabilities      `json:"capabilities" doc:"what its sessions can do"`
	Pool         Pool              `json:"pool" doc:"ready environments"`
	Pools        []LanguagePool    `json:"pools,omitempty" doc:"the same by language and image"`
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

// LanguagePool is what a runtime has ready for one language and image.
type LanguagePool struct {
	Language string  `json:"language" doc:"of their sessions"`
	Image    string  `json:"image,omitempty" doc:"a dockerImage; without it the language's own"`
	Warm     int     `json:"warm" doc:"ready now"`
	Target   int     `json:"target" doc:"aimed at"`
	Hits     int64   `json:"hits" doc:"sessions that were given one"`
	Misses   int64   `json:"misses" doc:"sessions that were not"`
	MemoryMB float64 `json:"memoryMB" doc:"what they occupy"`
	Reason   string  `json:"reason,omitempty" doc:"why fewer than target may be ready"`
}
