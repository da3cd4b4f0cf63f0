#include "textflag.h"

// func vfork(trap, a1, a2, a3 uintptr) (pid uintptr, errno syscall.Errno)
//
// The child shares this stack and calls other functions on it, over the return
// address; so that is kept in a register, which the kernel keeps for each.
TEXT ·vfork(SB),NOSPLIT|NOFRAME,$0-48
	MOVQ trap+0(FP), AX
	MOVQ a1+8(FP), DI
	MOVQ a2+16(FP), SI
	MOVQ a3+24(FP), DX
	XORL R10, R10
	XORL R8, R8
	XORL R9, R9
	POPQ R12
	SYSCALL
	PUSHQ R12
	MOVQ AX, pid+32(FP)
	MOVQ $0, errno+40(FP)
	CMPQ AX, $-4096
	JLS  done
	NEGQ AX
	MOVQ AX, errno+40(FP)
	MOVQ $-1, pid+32(FP)
done:
	RET

// func forkKeeper(stack uintptr, l *launch) (pid uintptr, errno syscall.Errno)
TEXT ·forkKeeper(SB),NOSPLIT|NOFRAME,$0-32
	MOVQ $0x111, DI // CLONE_VM | SIGCHLD
	MOVQ stack+0(FP), SI
	MOVQ l+8(FP), R12
	XORL DX, DX
	XORL R10, R10
	XORL R8, R8
	MOVL $56, AX // clone
	SYSCALL
	TESTQ AX, AX
	JNZ  parent
	SUBQ $16, SP
	MOVQ R12, 0(SP)
	CALL ·keep(SB)
	INT  $3
parent:
	MOVQ AX, pid+16(FP)
	MOVQ $0, errno+24(FP)
	CMPQ AX, $-4096
	JLS  done
	NEGQ AX
	MOVQ AX, errno+24(FP)
	MOVQ $-1, pid+16(FP)
done:
	RET
