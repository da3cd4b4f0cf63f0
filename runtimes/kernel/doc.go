// Package kernel runs code that keeps its state: cells, as notebooks have them.
//
// A kernel is a program in an environment that runs one cell after another and
// keeps the variables between them. Its source is in this package and comes into
// the environment through the channel of its own command (runtimes.Command.Channel),
// so that nothing has to be installed or mounted, wherever the environment is.
// [EngineFor] says how the kernel of a language is started on a runtime, [Start]
// starts it, [Kernel.Run] runs a cell, which looks like a program: what it
// prints, its input, its signals and its exit are those of a runtimes.Process.
//
// A language that is compiled has no such program: each cell is built and run by a
// command of its own, and what stays is what the [Kernel] here knows of it. Callers
// need not know the difference.
//
// # Order
//
// The standard streams are the program's real descriptors. A display is told
// exactly where it stands among the output: the kernel writes out what has been
// printed before it, sends the display and waits until it has been told. Output
// that comes between two cells belongs to the next one.
//
// # Ends
//
// A cell ends with an Exit as programs do; runtimes.Exception is that of an
// uncaught exception. Process.Stop interrupts a cell, again after
// [SecondInterrupt], and kills the kernel [runtimes.StopGrace] after the first.
// When a kernel dies, its cell is told how it died; Gone is closed before.
//
// # Zygotes
//
// The program of a kernel of Python is a zygote: it imports [Options].Imports and
// forks, and the child runs the cells. When that has ended, by itself or asked to by
// [Kernel.Reset], the zygote ends what it has left, tells how it ended, as the system
// says, and forks again: variables, the directory and what the code has set in
// os.environ are gone, the imports are there. It sleeps while cells run. One that
// has to be killed and was not asked for ends the zygote too: whether memory ran out
// is known of whole executions alone. It hears of what it is to do on its standard
// input: the number of the life to end.
//
// # Messages
//
// A message, in both directions, is two numbers (32 bits each, little endian), the
// bytes of its header and of its body; the header, JSON, of at most [MaxHeader]
// bytes; and the body, of at most [MaxBody], whose parts the header lists as
// parts:[{"name", "type"?, "bytes"}]. To the kernel:
//
//	load     imports?, mark?; the body is the program's source; the bootstrap reads it
//	anew     mark: what came before and was not read is for nobody
//	run      id, cell, language?, timeoutMs?, env?, stdin: none, given or open;
//	         parts code and stdin?
//	input    part data: bytes of an open input
//	eof      the open input ends
//	ack      n: the display of that number has been told
//
// From the kernel:
//
//	ready    versions, zygote?, failed?: imports; it runs cells from now on
//	display  n, cut?; a part mime for each type. The kernel waits for ack
//	taken    bytes: so much of the open input has been taken in. At most
//	         runtimes.InputBuffer are on the way
//	open     input may be sent, where the kernel asks to wait for that
//	closed   nobody reads the open input any more
//	anew     mark: a message before it may have broken off
//	ended    exit or signal: how the child of the zygote has ended, behind anew
//	result   id, status: ok, exception or exit; exit?, interrupted?, cpuMs?,
//	         exceptionName?, cut?: a list of value, message, traceback, displays;
//	         last?: the kernel ends now; parts value?, mime*, message?, traceback?
package kernel
