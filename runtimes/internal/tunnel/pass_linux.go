package tunnel

import (
	"errors"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// Send passes the device's file over a unix socket.
func Send(socket *os.File, device *os.File) error {
	raw, err := socket.SyscallConn()
	if err != nil {
		return err
	}
	rights, err := rightsOf(device)
	if err != nil {
		return err
	}
	waitErr := raw.Write(func(s uintptr) bool {
		err = unix.Sendmsg(int(s), []byte{1}, rights, nil, 0)
		return err != unix.EAGAIN
	})
	if err = errors.Join(err, waitErr); err != nil {
		return fmt.Errorf("pass the network interface: %w", err)
	}
	return nil
}

// rightsOf makes the control message that passes a file, without File.Fd, which
// would make the descriptor block.
func rightsOf(file *os.File) (rights []byte, err error) {
	raw, err := file.SyscallConn()
	if err != nil {
		return nil, err
	}
	err = raw.Control(func(fd uintptr) { rights = unix.UnixRights(int(fd)) })
	return rights, err
}

// Receive takes the file that Send passed. The sender may be hostile: whatever
// else comes is closed, and a file that is no device is refused.
func Receive(socket *net.UnixConn) (*os.File, error) {
	data, control := make([]byte, 1), make([]byte, unix.CmsgSpace(4))
	_, size, _, _, err := socket.ReadMsgUnix(data, control)
	if err != nil {
		return nil, fmt.Errorf("wait for the network interface: %w", err)
	}
	passed := descriptors(control[:size])
	if len(passed) == 1 && isDevice(passed[0]) {
		return os.NewFile(uintptr(passed[0]), Device), nil
	}
	for _, fd := range passed {
		unix.Close(fd)
	}
	return nil, errors.New("the agent passed no network interface")
}

// descriptors are those that came with a message, as far as it can be read.
func descriptors(control []byte) (all []int) {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return nil
	}
	for i := range messages {
		fds, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			continue
		}
		for _, fd := range fds {
			unix.CloseOnExec(fd)
		}
		all = append(all, fds...)
	}
	return all
}

func isDevice(fd int) bool {
	request, err := unix.NewIfreq("")
	return err == nil && unix.IoctlIfreq(fd, unix.TUNGETIFF, request) == nil
}
