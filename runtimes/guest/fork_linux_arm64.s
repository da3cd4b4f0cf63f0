#include "textflag.h"

// func vfork(trap, a1, a2, a3 uintptr) (pid uintptr, errno syscall.Errno)
//
// The return address stays in the link register, which the kernel keeps for
// parent and child alike.
TEXT ·vfork(SB),NOSPLIT,$0-48
	MOVD trap+0(FP), R8
	MOVD a1+8(FP), R0
	MOVD a2+16(FP), R1
	MOVD a3+24(FP), R2
	MOVD ZR, R3
	MOVD ZR, R4
	MOVD ZR, R5
	SVC
	MOVD R0, pid+32(FP)
	MOVD ZR, errno+40(FP)
	CMN  $4096, R0
	BLS  done
	NEG  R0, R0
	MOVD R0, errno+40(FP)
	MOVD $-1, R0
	MOVD R0, pid+32(FP)
done:
	RET

// func forkKeeper(stack uintptr, l *launch) (pid uintptr, errno syscall.Errno)
TEXT ·forkKeeper(SB),NOSPLIT|NOFRAME,$0-32
	MOVD $0x111, R0 // CLONE_VM | SIGCHLD
	MOVD stack+0(FP), R1
	MOVD l+8(FP), R10
	MOVD ZR, R2
	MOVD ZR, R3
	MOVD ZR, R4
	MOVD $220, R8 // clone
	SVC
	CBNZ R0, parent
	SUB  $32, RSP
	MOVD R10, 8(RSP)
	BL   ·keep(SB)
	BRK
parent:
	MOVD R0, pid+16(FP)
	MOVD ZR, errno+24(FP)
	CMN  $4096, R0
	BLS  done
	NEG  R0, R0
	MOVD R0, errno+24(FP)
	MOVD $-1, R0
	MOVD R0, pid+16(FP)
done:
	RET
