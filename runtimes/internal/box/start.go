package box

// StartOptions say how to start a box.
type StartOptions struct {
	// Guest is the agent's program, a path of the host.
	Guest string
	// Args are the agent's arguments, usually none.
	Args []string
	// UserNamespace makes a user namespace in which the server's own uid is
	// UID and nothing else is mapped. A server that is not root needs it.
	UserNamespace bool
	// UID and GID are those of the box's user in a user namespace. Zero means
	// DefaultUID: programs behave in odd ways as uid 0.
	UID, GID int
	// Birth is the control group in which the agent starts.
	Birth Birth
}

// DefaultUID is the uid and gid of the box's user in a user namespace.
const DefaultUID = 1000
