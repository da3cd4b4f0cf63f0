// Package guestlink is the server's end of the stream to an agent (package
// guest) in a box or a container.
//
// A [Link] shakes hands with the agent, starts programs through it and tells a
// [runtimes.Sink] what each does. Guarantees:
//
//   - Order: the calls of one sink never overlap; Exited is the last and comes
//     exactly once for every Start that returned no error.
//   - Pace: the link's reader never waits for a sink, an execution or a
//     caller. A program without credit is held up inside the environment.
//   - Distrust: the agent may lie and flood. Every frame is bounded, every
//     wait has a deadline, and whatever breaks the protocol ends the link:
//     each execution then ends as EnvironmentLost with nothing invented.
//
// A caller that stops a program decides its status here, on the server; only
// exit code and signal are the kernel's.
package guestlink
