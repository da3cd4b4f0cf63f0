package protocol

import "github.com/codebeaker/codebeaker/transport/jsonrpc"

// ExecuteShell is the command execute_shell.
type ExecuteShell struct {
	CommandName      *string           `json:"commandName,omitempty" rpc:"required" doc:"program: a name found on PATH, or a path"`
	CommandAlias     *string           `json:"command,omitempty" alias:"commandName"`
	Args             []string          `json:"args,omitempty" doc:"arguments; a shell line is commandName sh with -c"`
	WorkingDirectory string            `json:"workingDirectory,omitempty" default:"\"/workspace\"" doc:"where it starts"`
	Env              map[string]string `json:"env,omitempty" doc:"variables besides the session's"`
	Stdin            *string           `json:"stdin,omitempty" doc:"its standard input; without it, end of file, or with stream, background or pty an input that stays open until execution.input with eof"`
	StdinEncoding    Encoding          `json:"stdinEncoding,omitempty" default:"\"utf8\"" doc:"encoding of stdin"`
	Limits           *CommandLimits    `json:"limits,omitempty" doc:"limits of this command alone"`
	PTY              *PTY              `json:"pty,omitempty" doc:"give it a terminal of that size"`
}

func (c *ExecuteShell) settle() *jsonrpc.ParamError {
	return merge("commandName", &c.CommandName, "command", &c.CommandAlias)
}

// CommandLimits bound one command.
type CommandLimits struct {
	MemoryMB    *int64 `json:"memoryMB,omitempty" min:"1" doc:"memory of all its processes together"`
	CPUMs       *int64 `json:"cpuMs,omitempty" min:"1" doc:"processor time of all its processes together"`
	Processes   *int64 `json:"processes,omitempty" min:"1" doc:"processes and threads at one time"`
	OutputBytes *int64 `json:"outputBytes,omitempty" min:"1" doc:"bytes written to all streams together"`
	StackMB     *int64 `json:"stackMB,omitempty" min:"1" doc:"how far the stack of a process may grow; see docs/runtimes.md for the default"`
}

// PTY is the size of a terminal.
type PTY struct {
	Cols *int64 `json:"cols,omitempty" default:"80" min:"1" max:"1000" doc:"width in characters"`
	Rows *int64 `json:"rows,omitempty" default:"24" min:"1" max:"1000" doc:"height in characters"`
}

// ExecuteCode is the command execute_code.
type ExecuteCode struct {
	Code     *string  `json:"code,omitempty" rpc:"required" doc:"what to run"`
	Language string   `json:"language,omitempty" doc:"another language than the session's"`
	Stdin    *string  `json:"stdin,omitempty" doc:"its standard input"`
	Timeout  *float64 `json:"timeout,omitempty" doc:"seconds"`
	Reset    bool     `json:"reset,omitempty" default:"false" doc:"forget all variables first"`
}

// InstallPackages is the command install_packages.
type InstallPackages struct {
	Packages              []string `json:"packages,omitempty" doc:"names, with versions as the tool writes them"`
	RequirementsFile      *string  `json:"requirementsFile,omitempty" doc:"file that lists packages"`
	RequirementsFileAlias *string  `json:"requirements_file,omitempty" alias:"requirementsFile"`
	Flags                 []string `json:"flags,omitempty" doc:"flags of the tool"`
}

func (c *InstallPackages) settle() *jsonrpc.ParamError {
	return merge("requirementsFile", &c.RequirementsFile, "requirements_file", &c.RequirementsFileAlias)
}

// ProcessResult is what a program did.
type ProcessResult struct {
	ExitCode        *int   `json:"exitCode" doc:"what the kernel said, null when it did not exit by itself"`
	Signal          string `json:"signal,omitempty" doc:"name of the signal that ended it"`
	Status          string `json:"status" doc:"Completed, NonZeroExit, Signalled, TimeLimitExceeded, MemoryLimitExceeded, OutputLimitExceeded, Cancelled, EnvironmentLost or CouldNotStart"`
	Stdout          string `json:"stdout" doc:"its standard output, or that of its terminal: all of it, or the first three quarters and the last of what fits into maxMessageBytes, 1 MiB at most"`
	StdoutEncoding  string `json:"stdoutEncoding,omitempty" doc:"base64 when stdout is not UTF-8, or its escapes would more than double it"`
	Stderr          string `json:"stderr" doc:"its standard error, likewise"`
	StderrEncoding  string `json:"stderrEncoding,omitempty" doc:"base64 when stderr is not UTF-8, or its escapes would more than double it"`
	StdoutTruncated bool   `json:"stdoutTruncated" doc:"there was more"`
	StderrTruncated bool   `json:"stderrTruncated" doc:"there was more"`

	StdoutOmittedBytes int64 `json:"stdoutOmittedBytes,omitempty" doc:"bytes between the two parts of stdout"`
	StderrOmittedBytes int64 `json:"stderrOmittedBytes,omitempty" doc:"bytes between the two parts of stderr"`

	LimitsHit []string `json:"limitsHit,omitempty" doc:"limits that were reached and did not end it: processes, where control groups tell"`

	EndedProcesses []EndedProcess `json:"endedProcesses,omitempty" doc:"what it had started and left behind when it ended by itself, and that was then killed; at most 16"`

	Usage Usage `json:"usage" doc:"what it and its tree used"`
}

// EndedProcess is a process that was killed at the end of the program that had
// started it.
type EndedProcess struct {
	PID  int    `json:"pid" doc:"its number in the session"`
	Name string `json:"name" doc:"name of its file, cut to 15 bytes"`
}

// Usage is what a program and its tree used; a nil member is not known.
type Usage struct {
	WallMs          *int64 `json:"wallMs" doc:"time from start to end"`
	CPUMs           *int64 `json:"cpuMs" doc:"processor time"`
	PeakMemoryBytes *int64 `json:"peakMemoryBytes" doc:"most memory that its processes held at one time, without page cache"`
}

// CodeResult is the result of execute_code.
type CodeResult struct {
	ProcessResult
	Value     jsonrpc.Raw   `json:"value,omitempty" doc:"value of the last expression"`
	Displays  []jsonrpc.Raw `json:"displays" doc:"MIME bundles"`
	Exception *Exception    `json:"exception,omitempty" doc:"exception that ended it"`
}

// Exception is what code threw.
type Exception struct {
	Name      string `json:"name" doc:"its class"`
	Message   string `json:"message" doc:"its message"`
	Traceback string `json:"traceback" doc:"where it was thrown"`
}
