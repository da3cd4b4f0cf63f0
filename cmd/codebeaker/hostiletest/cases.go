package main

import "strings"

// Case is one hostile thing that is tried, and what must come of it.
type Case struct {
	ID    string
	Title string // what is tried
	Want  string // what must come of it
	Stops string // the layer that stops it
	// Tests prove it. Each is a package, below the module, and a test of it; of
	// the conformance suite, "conformance Subject/Case" is that case on every
	// runtime.
	Tests []string
	// Elsewhere are tests that this command does not run, by how they are.
	Elsewhere string
	// Unmet says where the case cannot be met, or says nothing, and why.
	Unmet string
	// Peers says how others stand in what is unmet.
	Peers string
}

// Packages, below the module.
const (
	server    = "cmd/codebeaker "
	docker    = "runtimes/docker "
	bun       = "runtimes/bun "
	deno      = "runtimes/deno "
	native    = "runtimes/native "
	link      = "runtimes/internal/guestlink "
	box       = "runtimes/internal/box "
	boxed     = "runtimes/internal/boxed "
	egress    = "runtimes/internal/egress "
	files     = "runtimes/internal/workspace "
	cgroup    = "runtimes/internal/cgroup "
	actors    = "actors "
	output    = "actors/output "
	rpc       = "transport/rpc "
	transport = "transport "
	jsonrpc   = "transport/jsonrpc "
	socket    = "transport/websocket "
	conform   = "conformance "
)

// What peers are known to do, each from its own documentation.
const (
	peerRootless = "rootless Docker limits resources only with control groups of version 2 (rootlesscontaine.rs/getting-started/docker), and rootless " +
		"Podman ignores limits on version 1 (gitlab.com/gitlab-org/gitlab-runner, merge request 6936)"
	peerKernel = "a Docker container shows the host's; a microVM (Firecracker, as E2B uses) has a kernel of its own, so its own"
	peerSave   = "Docker's containers outlive dockerd only with `live-restore` (docs.docker.com/engine/daemon/live-restore)"
)

// Cases are all that there are, in the order of the page.
var Cases = []Case{
	{ID: "P1", Title: "a fork bomb", Want: "EAGAIN at the limit of processes; all of it gone within a second of the reply", Stops: "limit of processes, treeKill",
		Tests: []string{conform + "Tree/AForkBombEndsInTime", conform + "Limits/ProcessesAreLimited", link + "TestAForkBombIsGoneBeforeItsExitIsTold", link + "TestWithoutGroupsAForkBombEnds"}},
	{ID: "P2", Title: "10,000 threads, workers without end", Want: "as P1", Stops: "limit of processes",
		Tests: []string{server + "TestAHostileProgram/MayNotTakeEveryThread"}},
	{ID: "P3", Title: "10 GB of memory, at once and by steps", Want: "MemoryLimitExceeded by the kernel's own counter; without control groups a failed allocation", Stops: "cgroupMemory; else RLIMIT_DATA",
		Tests: []string{conform + "Limits/MemoryIsLimited", server + "TestALimitThatIsReportedIsInForce", link + "TestALackOfMemoryIsToldFromTheKernelsCounter"}},
	{ID: "P4", Title: "ArrayBuffer and WebAssembly.Memory without end", Want: "MemoryLimitExceeded, not by a flag of the heap", Stops: "cgroupMemory; else RLIMIT_DATA",
		Tests: []string{server + "TestAHostileProgramThatTakes/BuffersOfItsLanguage"}},
	{ID: "P5", Title: "memory by a side door: /dev/shm, /tmp, memfd, pipes, System V, unread sockets", Want: "ENOSPC inside or MemoryLimitExceeded; free again at the end", Stops: "cgroupMemory, sizes of tmpfs",
		Tests: []string{server + "TestAHostileProgramThatTakes/MemoryByTheSideDoor", conform + "Room/EachPlaceHasTheRoomThatIsTold", conform + "Charged/WhatFileCommandsWriteIsCharged"},
		Unmet: "an ordinary user without control groups: resource limits see only what is a process's own, so memfd, pipes and System V are bounded by the host alone", Peers: peerRootless},
	{ID: "P6", Title: "mlockall, huge pages, pressure to swap", Want: "refused or MemoryLimitExceeded; no swap of the host", Stops: "RLIMIT_MEMLOCK, cgroupMemory",
		Tests: []string{server + "TestAHostileProgramThatTakes/LockedMemory"}},
	{ID: "P7", Title: "a disk filled by dd, fallocate, sparse files", Want: "ENOSPC or EFBIG inside; a read of a sparse file is bounded", Stops: "diskQuota, RLIMIT_FSIZE",
		Tests: []string{conform + "Limits/DiskIsLimited", conform + "Files/LargeFilesAreCutAtTheBound", files + "TestACopyOfASparseFileStopsAtTheSizeOfTheWorkspace"},
		Unmet: "an ordinary user: no quota, and the session's limits say null", Peers: "Docker too has a size of a container's files only on XFS with project quotas (docs.docker.com, `--storage-opt size`)"},
	{ID: "P8", Title: "as many empty files as there can be", Want: "ENOSPC; their removal holds up no other call", Stops: "inodes of the workspace",
		Tests: []string{server + "TestAHostileProgramThatTakes/AllTheNames", conform + "Limits/InodesAreLimited"}},
	{ID: "P9", Title: "nested directories, names of 255 bytes, line breaks, escapes, leading dashes", Want: "listed, read and deleted as they are", Stops: "openat2 beneath the workspace; JSON",
		Tests: []string{server + "TestHostileFiles/MayHaveAnyName", files + "TestTenThousandNestedDirectoriesAreListedAndDeleted", files + "TestNamesMayHave255Bytes"}},
	{ID: "P10", Title: "output without end on both streams", Want: "OutputLimitExceeded, marked as truncated; the server's memory flat", Stops: "limit of output",
		Tests: []string{conform + "Limits/OutputIsLimited", conform + "Pace/WithoutGrantsTheWindowIsAll", output + "TestTheBoundHoldsUnderConcurrency", docker + "TestAContainerIsConfined"}},
	{ID: "P11", Title: "no line breaks, NUL, terminal escapes, UTF-8 that is none or is cut", Want: "the exact bytes, base64 where needed, never an error of JSON", Stops: "encoding by chunks",
		Tests: []string{conform + "Output/BinaryIsExact", conform + "Output/BothStreamsAreExact", output + "TestChunksJoinedAreTheBytesWritten", rpc + "TestAChunkIsWrittenAsTheEncoderWouldWriteIt"}},
	{ID: "P12", Title: "a byte now and then for ever", Want: "TimeLimitExceeded", Stops: "time limit",
		Tests: []string{server + "TestAHostileProgramThatTakes/ForEverByteByByte"}},
	{ID: "P13", Title: "sleep and busy loops", Want: "TimeLimitExceeded within the limit and half a second, by either clock", Stops: "time limit, limits.cpuMs",
		Tests: []string{server + "TestAnEnd", conform + "Limits/CPUOfOneCommandIsLimited"}},
	{ID: "P14", Title: "a program that ignores every signal it can", Want: "gone within two seconds of its limit", Stops: "SIGKILL to the tree",
		Tests: []string{conform + "Stop/AStubbornProgramIsGoneInTime", server + "TestAnEnd"}},
	{ID: "P15", Title: "kill -9 -1, kill of process 1, of the parent", Want: "only its own processes die; the session goes on", Stops: "pidNamespace, filter of signals to the agent",
		Tests: []string{conform + "Tree/AProgramCannotEndItsBetters", link + "TestProgramsCannotEndTheAgent"}},
	{ID: "P16", Title: "death signals off, a subreaper, a name of escapes", Want: "ended all the same", Stops: "treeKill",
		Tests: []string{server + "TestAHostileProgram/MayNotHideInItsTree"}},
	{ID: "P17", Title: "thousands of children never waited for", Want: "reaped; no zombie of the server", Stops: "the agent reaps",
		Tests: []string{conform + "Tree/ChildrenNeverWaitedForAreReaped", link + "TestAThousandOrphansAreReaped"}},
	{ID: "P18", Title: "files left in /dev/shm, /var/tmp, /run/lock, caches", Want: "no other session sees them", Stops: "mountNamespace",
		Tests: []string{conform + "Apart/SessionsDoNotSeeEachOthersFiles", conform + "Room/APlaceIsGoneWithItsEnvironment", docker + "TestASessionHasItsOwnUserFilesAndVariables"}},
	{ID: "P19", Title: "chroot, unshare, clone with namespaces, mount, pivot_root", Want: "EPERM or ENOSYS", Stops: "seccompAllowList",
		Tests: []string{docker + "TestTheFilterIsWhatRefusesSystemCalls", docker + "TestWhatASessionMustNotDoIsRefused", link + "TestProgramsRunUnderEveryMeasure"}},
	{ID: "P20", Title: "bpf, userfaultfd, perf_event_open, kexec, modules, handles, clock, host name", Want: "EPERM", Stops: "seccompAllowList",
		Tests: []string{docker + "TestTheFilterIsWhatRefusesSystemCalls", link + "TestProgramsRunUnderEveryMeasure", "runtimes/internal/syscalls TestNoHostileCallIsAllowed"}},
	{ID: "P21", Title: "io_uring, keys", Want: "EPERM or ENOSYS", Stops: "seccompAllowList",
		Tests: []string{docker + "TestTheFilterIsWhatRefusesSystemCalls", link + "TestProgramsRunUnderEveryMeasure"}},
	{ID: "P22", Title: "system calls of 32 bits and of x32", Want: "SIGSYS", Stops: "seccompAllowList, by its architecture",
		Tests: []string{docker + "TestTheFilterIsWhatRefusesSystemCalls", link + "TestProgramsRunUnderEveryMeasure"},
		Unmet: "where the kernel has no 32-bit interface (int 0x80 ends a program by SIGSEGV in any process) only x32 shows anything; the test says NOT TESTED", Peers: "Docker's default profile lets the calls of 32 bits through (github.com/moby/profiles, `archMap`)"},
	{ID: "P23", Title: "sysrq, core_pattern, oom_score_adj, kcore, /proc/1", Want: "refused or empty; no secret of the server", Stops: "masked and read-only /proc, ownUid",
		Tests: []string{docker + "TestWhatASessionMustNotDoIsRefused", box + "TestKernelSecretsAreMasked", boxed + "TestNothingOfTheServerIsVisible"}},
	{ID: "P24", Title: "release_agent, pids.max, cgroup.procs", Want: "read-only or absent", Stops: "cgroupNamespace, mountNamespace",
		Tests: []string{docker + "TestWhatASessionMustNotDoIsRefused", boxed + "TestTheAgentIsBornInItsGroupAndSeesNoNameOfIt"}},
	{ID: "P25", Title: "docker.sock, sockets in /run, abstract sockets of the host", Want: "absent or refused", Stops: "mountNamespace, networkNamespace",
		Tests: []string{server + "TestAHostileProgramThatReaches/ForSocketsOfTheHost", docker + "TestWhatASessionMustNotDoIsRefused", box + "TestNoFileOfTheHostCanBeReached"}},
	{ID: "P26", Title: "races on masked paths, mounts that sessions share", Want: "no writable mount is shared; an old runc is warned of", Stops: "mountNamespace",
		Tests: []string{server + "TestAHostileProgramThatReaches/ForMountsOfAnotherSession", docker + "TestRuncWithoutTheFixesIsCalledOld"}},
	{ID: "P27", Title: "metadata service, gateways, the server's port, link-local; with a network private addresses, changing names", Want: "unreachable at once", Stops: "networkNamespace; networkFilter",
		Tests: []string{conform + "Apart/WithoutANetworkThereIsNone", server + "TestASessionReachesTheInternetOnlyWhenItAskedAndNeverTheHost", egress + "TestWhatIsNotPublicIsRefusedAtOnce", egress + "TestOnlyPublicAddressesArePermitted", box + "TestLoopbackIsUpAndNothingElseAnswers", bun + "TestBunReachesNeitherTheNetworkNorTheHost"}},
	{ID: "P28", Title: "a port of another session", Want: "unreachable", Stops: "networkNamespace",
		Tests: []string{server + "TestAHostileProgramThatReaches/ForThePortOfAnotherSession"}},
	{ID: "P29", Title: "a flood of connections with a network", Want: "capped and counted", Stops: "the relay",
		Tests: []string{egress + "TestAFloodOfConnectionsIsCappedAndCounted", egress + "TestManyExchangesOverUDPDoNotKeepLaterOnesOut"}},
	{ID: "P30", Title: "bombs for compilers, includes of what is the host's", Want: "the same limits; nothing of the host in what the compiler says", Stops: "limits, mountNamespace",
		Tests: []string{server + "TestAHostileProgramThatReaches/ByTheCompiler"}},
	{ID: "P31", Title: "LD_PRELOAD, start files, preloads, GOFLAGS, hooks", Want: "they act inside, as the session's user", Stops: "ownUid, mountNamespace, an agent without a loader",
		Tests: []string{server + "TestAHostileProgramThatReaches/ByTheFilesOfTools"}},
	{ID: "P32", Title: "Deno: files of the host by import", Want: "refused; nothing of them in an error", Stops: "mountNamespace",
		Tests: []string{deno + "TestDenoShowsNothingOfTheHostByAnImport"}},
	{ID: "P33", Title: "Deno: npm:, jsr:, https:", Want: "refused", Stops: "networkNamespace",
		Tests: []string{deno + "TestDenoShowsNothingOfTheHostByAnImport", conform + "Found/ToolsFailAtOnce"}},
	{ID: "P34", Title: "Bun: files of the host; functions of the C library by bun:ffi", Want: "refused by the kernel", Stops: "mountNamespace, seccompAllowList",
		Tests: []string{bun + "TestBunReachesNeitherTheNetworkNorTheHost", server + "TestAHostileProgramThatReaches/ByForeignFunctions"}},
	{ID: "P35", Title: "1 GiB of input to a program that never reads", Want: "acceptedBytes falls short; a signal works", Stops: "bounded buffer",
		Tests: []string{server + "TestAHostileProgram/MayRefuseItsInput", server + "TestInputToProgramsThatDoNotReadOnEveryRuntime", server + "TestAHostileProgram/MayNotBeHeldUpByItsReaders"}},
	{ID: "P36", Title: "a million timers, SCHED_FIFO, nice -20", Want: "EPERM; timers are bounded or are memory", Stops: "noCapabilities, RLIMIT_SIGPENDING",
		Tests: []string{server + "TestAHostileProgramThatTakes/PriorityAndTimers"}},
	{ID: "P37", Title: "64 busy threads in several sessions", Want: "a fair share; an idle client is answered within 50 ms", Stops: "cgroupCpu",
		Tests: []string{server + "TestBusySessionsLeaveTheServerToOthers"},
		Unmet: "an ordinary user without control groups: nothing shares out processors (`cpus` is null); the scheduler alone is fair", Peers: peerRootless},
	{ID: "P38", Title: "descriptors without end", Want: "EMFILE inside; the server serves on", Stops: "RLIMIT_NOFILE",
		Tests: []string{server + "TestAHostileProgram/MayNotTakeEveryDescriptor", conform + "Limits/OpenFilesAreLimited"}},
	{ID: "P39", Title: "arguments of megabytes, NUL in them, no command, a command -rf", Want: "-32602 or CouldNotStart", Stops: "checks of params",
		Tests: []string{server + "TestBadWaysToRunACommandAreRefusedByMember", link + "TestWhatCannotBeStartedSaysWhy"}},
	{ID: "P40", Title: "resizes of 65535, of 0, of 10,000 a second", Want: "-32602, or merged", Stops: "checks of params",
		Tests: []string{server + "TestAHostileProgram/MayBeResizedTooOften", server + "TestBadCallsAboutAnExecutionAreRefusedAtOnce", conform + "Terminal/ManyResizesEndInTheLast"}},
	{ID: "P41", Title: "files of another session by a guessed path", Want: "ENOENT or EACCES", Stops: "mountNamespace, ownUid",
		Tests: []string{conform + "Apart/SessionsDoNotSeeEachOthersFiles", boxed + "TestOneSessionSeesNothingOfAnother"}},
	{ID: "P42", Title: "/proc/loadavg, the page cache", Want: "no promise, said in docs/security.md",
		Unmet: "these are the whole machine's, for every session", Peers: peerKernel},

	{ID: "F1", Title: "a link to /etc/passwd, read or copied", Want: "PathOutsideWorkspace; never bytes of the host", Stops: "openat2 beneath the workspace",
		Tests: []string{conform + "FileErrors/NoLinkLeadsOut", files + "TestALinkThatComesAndGoesLeadsNowhere"}},
	{ID: "F2", Title: "a link to a directory of the host, in the middle of a path", Want: "PathOutsideWorkspace", Stops: "openat2 beneath the workspace",
		Tests: []string{conform + "FileErrors/NoLinkLeadsOut", files + "TestAnAbsoluteLinkThatLeavesIsOutside"}},
	{ID: "F3", Title: "paths that climb, of other systems, of controls, of escapes", Want: "PathOutsideWorkspace, -32602, or a name below /workspace", Stops: "checks of params, openat2",
		Tests: []string{conform + "FileErrors/NoPathLeadsOut", files + "TestAPathThatLeadsOutIsRefusedByEveryCommand", files + "FuzzCommandsStayInside", server + "TestHostileFiles/MayHaveAnyName"}},
	{ID: "F4", Title: "bombs of archives", Want: "bounds of bytes, entries and ratio", Unmet: "no method takes an archive", Peers: ""},
	{ID: "F5", Title: "writes of bad base64, over a limit, on a full disk, cut by a death", Want: "the old content or the new; no temporary", Stops: "reservation, rename",
		Tests: []string{server + "TestHostileFiles/AreOldOrNewWhenTheDiskIsFull", server + "TestHostileFiles/AreOldOrNewWhenTheEnvironmentDies", server + "TestBadInputIsRefusedByNameAndHarmsNothing", files + "TestALackOfSpaceLeavesTheOldContentWhole", files + "TestRecoverRemovesTemporariesOnly"}},
	{ID: "F6", Title: "reads of a growing file, a directory, a fifo, past the end, before the start", Want: "bounded, or a failure with a code", Stops: "bounds of read_file",
		Tests: []string{server + "TestHostileFiles/MayGrowWhileTheyAreRead", conform + "FileErrors/NothingButRegularFilesIsRead", conform + "Files/ReadsTakeAPart"}},
	{ID: "F7", Title: "a directory of 100,000, loops of links", Want: "bounded, truncated; links not followed", Stops: "bounds of list_directory",
		Tests: []string{files + "TestAListingOfAHundredThousandIsBounded", conform + "Files/ListingsAreSortedAndBounded"}},
	{ID: "F8", Title: "a compressed archive to the engine (CVE-2026-41567)", Want: "never sent", Stops: "plain tar only",
		Tests: []string{docker + "TestArchivesAreNeverCompressedAndNeverForAStartedContainer"}},

	{ID: "W1", Title: "the table of RFC 6455: lengths, opcodes, fragments, UTF-8, closes", Want: "as the RFC says", Stops: "the decoder",
		Tests: []string{socket + "TestFramesAreTreatedAsRFC6455Says", socket + "TestLargeMessagesAreServed", socket + "TestALargeFrameInSmallWritesIsServed", socket + "FuzzDecoder"}},
	{ID: "W2", Title: "a declared length of 2^63-1 with three bytes", Want: "1009 with the limit; nothing allocated", Stops: "message-bytes",
		Tests: []string{socket + "TestDeclaredLengthOverTheLimitIs1009AndAllocatesNothing"}},
	{ID: "W3", Title: "a length in a longer form than needed", Want: "1002", Stops: "the decoder", Tests: []string{socket + "TestFramesAreTreatedAsRFC6455Says"}},
	{ID: "W4", Title: "a frame without a mask", Want: "1002", Stops: "the decoder", Tests: []string{socket + "TestFramesAreTreatedAsRFC6455Says"}},
	{ID: "W5", Title: "a binary message", Want: "served when it is UTF-8, else -32700", Stops: "the decoder", Tests: []string{rpc + "TestABinaryMessageIsServedWhenItIsText"}},
	{ID: "W6", Title: "a client that answers no ping", Want: "closed after two; its session lives", Stops: "ping-interval",
		Tests: []string{socket + "TestTwoUnansweredPingsClose", rpc + "TestAClientThatAnswersNoPingLeavesItsSessionAlone"}},
	{ID: "W7", Title: "half a request, headers of a megabyte, 10,000 headers, many connections", Want: "cut in 5 s; 431; capped", Stops: "header-timeout, the number of connections",
		Tests: []string{rpc + "TestAHalfSentRequestIsCut", rpc + "TestFloodsOfHeadersGet431", transport + "TestHeadersHaveFiveSeconds", server + "TestConnectionsThatTakeEveryDescriptorLeaveAServerThatGoesOn"}},
	{ID: "W8", Title: "thousands of idle connections, a storm of resets, no descriptors", Want: "the loop of accepts survives", Stops: "the number of connections",
		Tests: []string{server + "TestThousandsOfIdleConnectionsAreServed", server + "TestConnectionsThatTakeEveryDescriptorLeaveAServerThatGoesOn", socket + "TestIdleConnectionsHoldNoBuffersAndSmallStacks"}},
	{ID: "W9", Title: "a foreign Host on loopback (DNS rebinding)", Want: "403 at every endpoint", Stops: "check of Host", Tests: []string{rpc + "TestForeignHostsAndOriginsAreRefusedOnEveryEndpoint"}},
	{ID: "W10", Title: "a key in the query, no key, a wrong one", Want: "refused, not logged; 401 or -32007", Stops: "keys",
		Tests: []string{rpc + "TestAKeyInTheQueryStringIsRefusedAndNotLogged", rpc + "TestWithKeysEveryDoorAsksForOne"}},
	{ID: "W11", Title: "a close, a reset, a half-close during an execution", Want: "it runs on and is attached later; no goroutine left", Stops: "executions belong to sessions",
		Tests: []string{rpc + "TestHoweverAConnectionEndsItsCommandRunsOn", rpc + "TestAnExecutionOutlivesItsConnectionAndIsAttachedFromAnother"}},
	{ID: "W12", Title: "compression is offered", Want: "declined", Stops: "the handshake", Tests: []string{socket + "TestCompressionIsDeclined"}},
	{ID: "W13", Title: "a public address without keys; a runtime that cannot be confined", Want: "no start; unavailable with the reason", Stops: "checks at the start",
		Tests: []string{server + "TestAPublicAddressNeedsKeysAndThenAsksForThem", boxed + "TestABoxThatLacksALayerIsToldWithTheLayerAndLoggedOnce"}},
	{ID: "W14", Title: "an unknown setting, a negative limit", Want: "fails at the start and names it", Stops: "checks at the start",
		Tests: []string{server + "TestWhatCannotBeIsNamed"}, Unmet: "there are no JWTs, so no tests of them"},

	{ID: "J1", Title: "id null, id absent", Want: "a request; a notification", Stops: "the parser", Tests: []string{jsonrpc + "TestTranscripts"}},
	{ID: "J2", Title: "an id that is an object, an array, a bool", Want: "-32600, id null", Stops: "the parser", Tests: []string{jsonrpc + "TestTranscripts"}},
	{ID: "J3", Title: "params that are a string, or of the wrong shape", Want: "-32600; -32602 naming the member", Stops: "the parser", Tests: []string{jsonrpc + "TestTranscripts", jsonrpc + "TestWrongParamIsNamedByItsPath"}},
	{ID: "J4", Title: "another version, or none", Want: "-32600", Stops: "the parser", Tests: []string{jsonrpc + "TestTranscripts"}},
	{ID: "J5", Title: "an unknown member", Want: "ignored", Stops: "the parser", Tests: []string{jsonrpc + "TestTranscripts"}},
	{ID: "J6", Title: "rpc.xxx", Want: "-32601, but for rpc.discover", Stops: "the table of methods", Tests: []string{rpc + "TestTranscripts"}},
	{ID: "J7", Title: "a batch over the limit, a nested one", Want: "one -32010; -32600 for the member", Stops: "limit of batches", Tests: []string{jsonrpc + "TestBatchOverTheLimitHasOneErrorNamingIt", jsonrpc + "TestTranscripts"}},
	{ID: "J8", Title: "one id twice in flight", Want: "two replies", Stops: "replies belong to requests", Tests: []string{rpc + "TestTwoRequestsWithOneIDGetTwoReplies", jsonrpc + "TestOneIDTwiceInFlightGetsTwoReplies"}},
	{ID: "J9", Title: "two values, trailing garbage, BOM, NUL, comments", Want: "both served; -32700", Stops: "the parser", Tests: []string{jsonrpc + "TestTranscripts", jsonrpc + "TestBytesThatAreNoJSONAreOneParseError"}},
	{ID: "J10", Title: "a depth of 5,000,000", Want: "-32700 in half a second", Stops: "limit of depth", Tests: []string{jsonrpc + "TestDepthIsRefusedFast"}},
	{ID: "J11", Title: "a string of 10 MB, a million members", Want: "served or -32010", Stops: "message-bytes", Tests: []string{jsonrpc + "TestLargeMembersAreServed", jsonrpc + "TestValuesOfOneMessageAreBounded"}},
	{ID: "J12", Title: "text that is no UTF-8, a lone surrogate", Want: "1007; served", Stops: "the decoder", Tests: []string{socket + "TestInvalidTextFailsAtItsFirstWrongByte", jsonrpc + "TestTranscripts"}},
	{ID: "J13", Title: "a handler that panics, a result that cannot be encoded", Want: "-32603, the stack only in the log", Stops: "recover", Tests: []string{jsonrpc + "TestTranscripts", jsonrpc + "TestResultThatCannotBeEncodedIsAnInternalError", rpc + "TestADefectGetsAnErrorIDAndNothingElseLeavesTheServer"}},
	{ID: "J14", Title: "a signal to the dead, to nobody", Want: "delivered:false; -32006; never another process", Stops: "signals by execution", Tests: []string{conform + "Signals/TheDeadGetNone", server + "TestBadCallsAboutAnExecutionAreRefusedAtOnce"}},
	{ID: "J15", Title: "100,000 notifications a second", Want: "read at the rate of the connection", Stops: "rates", Tests: []string{rpc + "TestAFloodIsReadAtTheRateOfAConnection", rpc + "TestNotificationsOverTheRateWaitForTheirTurn"}},
	{ID: "J16", Title: "any message", Want: "as many replies as requests with an id; an error has a code and a message", Stops: "the parser", Tests: []string{jsonrpc + "FuzzParse", jsonrpc + "TestRequestsAreReadAsJRPC2ReadsThem", rpc + "TestEveryErrorHasACode"}},

	{ID: "S1", Title: "a close during the create", Want: "nothing is left", Stops: "the session's actor", Tests: []string{actors + "TestClosingDuringTheCreationCancelsIt", conform + "Life/ACreateCutShortLeavesNothing", docker + "TestACancelledCreateRemovesItsContainerAndReturnsTheCause"}},
	{ID: "S2", Title: "1,000 creates at once, limit 32", Want: "32 live, the rest -32005", Stops: "max-sessions", Tests: []string{actors + "TestOfAThousandCreatesAtOnceOnlyTheLimitIsAdmitted", docker + "TestManyCreatesOfWhichSomeAreGivenUpLeaveNothing"}},
	{ID: "S3", Title: "a life that ends during a command", Want: "Cancelled or the result, then session.closed", Stops: "the session's actor", Tests: []string{server + "TestALifeThatEndsDuringACommandEndsBoth", actors + "TestTheLifetimeEndsASessionWithWhateverRuns"}},
	{ID: "S4", Title: "pings instead of calls", Want: "they do not extend the idle time", Stops: "activity is calls", Tests: []string{actors + "TestASessionEndsWhenItIsIdleForTooLong", actors + "TestReadingAnExecutionIsActivity"}},
	{ID: "S5", Title: "one clientToken from two connections, another key's token", Want: "one session; never the other's", Stops: "tokens belong to keys", Tests: []string{actors + "TestAClientTokenReturnsTheSameSessionWhileItLives", actors + "TestAnotherKeysSessionDoesNotExist"}},
	{ID: "S6", Title: "1,000 sessions whose actors panic", Want: "each alone fails; siblings untouched", Stops: "supervision", Tests: []string{actors + "TestAThousandPanicsEndAThousandSessionsAndNoOther", actors + "TestAPanicEndsOneSessionAndAnswersItsCalls"}},
	{ID: "S7", Title: "tens of thousands of calls to a busy session", Want: "-32005; memory flat", Stops: "queue-length", Tests: []string{server + "TestCallsToABusySessionCostNoMemory", actors + "TestTheQueueHasALimit"}},
	{ID: "S8", Title: "an engine that answers errors, garbage, half, or nothing", Want: "-32009 within the deadline", Stops: "deadlines", Tests: []string{docker + "TestAFaultOfTheEngineIsAnErrorWithinTheDeadlineAndLeavesNothing", docker + "TestProbeOfAFaultyEngineIsAReasonInTime"}},
	{ID: "S9", Title: "the clock steps an hour", Want: "lifetimes hold", Stops: "the monotonic clock", Tests: []string{actors + "TestExtendingReplacesTheTimes"},
		Unmet: "a test cannot step the clock of a machine that others use; the times are read from Go's monotonic clock, which a step does not move (package time, \"Monotonic Clocks\")"},
	{ID: "S10", Title: "the data disk full, read-only, no descriptors", Want: "creates are refused with a type; reads are served; /readyz is not ready", Stops: "what is short is told",
		Tests: []string{server + "TestAFullDataDirectoryRefusesCreatesAndServesReads", server + "TestConnectionsThatTakeEveryDescriptorLeaveAServerThatGoesOn", "runtimes/host TestADiskWithoutRoomIsShort", "runtimes/host TestWhatIsShortIsSaid"},
		Unmet: "an ordinary user's own run: it takes a file system that the test makes, which needs root"},
	{ID: "S11", Title: "limits above the policy", Want: "-32602, or clamped and shown", Stops: "checks of params", Tests: []string{rpc + "TestEveryWrongMemberOfCreateIsNamed", conform + "Limits/LimitsAreReadBack"}},
	{ID: "S12", Title: "labels of escapes, of a megabyte", Want: "escaped or -32602", Stops: "checks of params", Tests: []string{rpc + "TestEveryWrongMemberOfCreateIsNamed"}},
	{ID: "S13", Title: "another key's session id in every method", Want: "what an unknown id gets", Stops: "keys", Tests: []string{rpc + "TestASessionOfAnotherKeyDoesNotExist", actors + "TestAnotherKeysSessionDoesNotExist"}},
	{ID: "S14", Title: "the bench: omission, warm-up, errors", Want: "corrected, excluded, a non-zero exit", Stops: "the bench", Tests: []string{"bench/internal/load TestAStallIsChargedToEveryCallThatItDelayed", "bench/internal/measure TestTheWarmUpIsDiscarded", "bench TestAWrongOutputFailsTheRun"}},

	{ID: "K1", Title: "kill -9 of the server at any point", Want: "the next start leaves nothing of it", Stops: "marks, sweep", Tests: []string{server + "TestAServerKilledAtAnyPointIsSweptByTheNext", server + "TestAServerThatIsKilledIsSweptByTheNext"},
		Unmet: "sessions do not outlive their server: their clients are told -32001 after the restart and create anew", Peers: peerSave},
	{ID: "K2", Title: "two servers on one engine", Want: "neither reaps the other's", Stops: "marks", Tests: []string{docker + "TestReconcileKeepsWhatIsClaimedAndWhatIsAnothers", docker + "TestSweepRemovesWhatHasOurMarkAndNothingElse", docker + "TestAContainerWhoseCreateWasNotHeardOfIsRemoved"}},
	{ID: "K3", Title: "children after kill -9", Want: "gone, their groups empty", Stops: "the link's end, sweep", Tests: []string{boxed + "TestAKilledServerLeavesNoProcessAndItsGroupsAreSwept"}},
	{ID: "K4", Title: "a gap in the engine's events", Want: "a full comparison", Stops: "reconcile", Tests: []string{docker + "TestAGapInTheEventsIsMadeUpByComparing"}},
	{ID: "K5", Title: "a torn last line of the audit file", Want: "cut off, and a line that says so", Stops: "the log's chain", Tests: []string{"transport/audit TestAHalfLineIsCutOffAndTold"}},
	{ID: "K6", Title: "SIGTERM, and a second one", Want: "-32011, shutdown, 1001, exit 0; at once", Stops: "ordered stop", Tests: []string{server + "TestTerminationEndsEverythingAndSaysSo", rpc + "TestShutdownTellsSessionsAndClosesConnectionsWith1001", rpc + "TestDrainLetsRunningCommandsEnd"}},
	{ID: "K7", Title: "a file of the data directory cut or changed", Want: "an empty start, or no start with the line; never somebody else let in", Stops: "checks at the start", Tests: []string{"runtimes/calibration TestABrokenFileIsNoFigures", transport + "TestAKeysFileThatIsNoneIsRefusedWithItsLine", server + "TestFilesOfTheDataDirectoryMayBeSpoiled"}},
	{ID: "K8", Title: "two servers on one data directory", Want: "the second exits with a message", Stops: "the lock", Tests: []string{server + "TestASecondServerOnTheDirectoryExitsWithAMessage", server + "TestOneServerPerDataDirectory"}},
	{ID: "K9", Title: "data of an older version", Want: "read", Stops: "formats", Tests: []string{rpc + "TestKeysOfEarlierVersionsAreRead", "runtimes/calibration TestAnotherVersionIsMeasuredAgain"},
		Unmet: "data of a newer version: what is not understood fails the start with its line (keys) or is measured again (figures); nothing is wiped"},
	{ID: "K10", Title: "random hostile programs, kills and closes for minutes", Want: "a healthy server and nothing left: processes, containers, groups, mounts, directories, descriptors, goroutines", Stops: "all of it", Tests: []string{server + "TestSoak"}},

	{ID: "R1", Title: "an exit code", Want: "never invented", Stops: "null", Tests: []string{conform + "Exit/AnExitCodeIsTheKernels", conform + "Exit/ASignalIsNoExitCode", link + "TestTheDeathOfTheAgentEndsEverythingWithNothingInvented"}},
	{ID: "R2", Title: "an attach after ten idle minutes", Want: "works", Stops: "kept output", Tests: []string{actors + "TestAnExecutionIsReadAndFedAfterALongIdleTime"}},
	{ID: "R3", Title: "children that setsid and fork twice", Want: "end with their program; their port is free", Stops: "treeKill", Tests: []string{server + "TestAnEnd", conform + "Tree/TheEndOfAProgramEndsItsTree"}},
	{ID: "R4", Title: "a close and a create with the same token at once", Want: "a new session", Stops: "the directory", Tests: []string{server + "TestSessionsAreMadeAnewAtOnceAndRunSixProgramsAtOnce", actors + "TestAClosedSessionMayBeClosedAgainAtOnce"}},
	{ID: "R5", Title: "200 MB of output to a stalled client", Want: "bounded memory", Stops: "the ring", Tests: []string{rpc + "TestAStalledClientCostsNoMemoryAndSlowsNobody"}},
	{ID: "R6", Title: "a message of 10 MiB", Want: "served", Stops: "message-bytes", Tests: []string{server + "TestAFrameOfSixteenMebibytesIsServed"}},
	{ID: "R7", Title: "an environment that died before it was given out", Want: "replaced", Stops: "recovery", Tests: []string{server + "TestAnEnvironmentKilledFromOutsideIsReplacedOnTheSameFiles", actors + "TestALostEnvironmentIsReplacedAndTheQueueGoesOn"}},
	{ID: "R8", Title: "1,000 clients that come back to unknown sessions", Want: "no growth", Stops: "nothing is kept of the unknown", Tests: []string{rpc + "TestClientsThatComeBackToUnknownSessionsLeaveNothing"}},
	{ID: "R9", Title: "several nodes", Want: "any reaches the owner", Unmet: "there is one node"},
	{ID: "R10", Title: "six first programs at once", Want: "all succeed", Stops: "the agent", Tests: []string{server + "TestSessionsAreMadeAnewAtOnceAndRunSixProgramsAtOnce", conform + "Concurrency/SixRunAtOnce"}},
	{ID: "R11", Title: "a program at its time limit", Want: "ended; the next call works", Stops: "time limit", Tests: []string{actors + "TestATimeLimitStopsAStubbornProgram", server + "TestAnEnd"}},
	{ID: "R12", Title: "150 creates in a burst", Want: "made, or -32005 with retryAfterMs", Stops: "max-sessions", Tests: []string{server + "TestABurstOfCreatesIsServedOrToldWhenToComeAgain"}},
	{ID: "R13", Title: "numpy, pandas, matplotlib under the filter", Want: "they are imported and work", Stops: "–", Tests: []string{server + "TestLibrariesForNumbersWork"},
		Unmet: "matplotlib is not tried: it worked for a server that is root, and failed once for one that is an ordinary user, for a reason that was not found; the image has none of them"},
	{ID: "R14", Title: "a WebSocket of a foreign origin", Want: "refused", Stops: "check of Origin", Tests: []string{rpc + "TestForeignHostsAndOriginsAreRefusedOnEveryEndpoint"}},
	{ID: "R15", Title: "control groups of either version, without privileges", Want: "works", Stops: "–", Tests: []string{cgroup + "TestVersion1IsUsedWhereItHasTheMemory", cgroup + "TestSystemdIsAskedWhereTheGroupIsNotOurs", native + "TestNativeAsAnOrdinaryUser"}, Elsewhere: "make vm",
		Unmet: "WSL2: no such machine here"},
	{ID: "R16", Title: "each signal of execution.signal", Want: "arrives", Stops: "–", Tests: []string{conform + "Signals/EachSignalArrives"}},
}

func init() {
	for _, v := range strings.Split("V1 positional params,V2 positional params in another order,V3 named params,V4 named params in another order,"+
		"V5 a notification,V6 a notification of an unknown method,V7 an unknown method,V8 no JSON,V9 no request,V10 a batch that is no JSON,"+
		"V11 an empty batch,V12 a batch of one that is no request,V13 a batch of three,V14 a batch of all kinds,V15 a batch of notifications", ",") {
		id, title, _ := strings.Cut(v, " ")
		Cases = append(Cases, Case{ID: id, Title: "JSON-RPC 2.0, section 7: " + title, Want: "as the specification says", Stops: "the parser", Tests: []string{jsonrpc + "TestTranscripts"}})
	}
}
