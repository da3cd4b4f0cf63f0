package main

import "fmt"

func int80()

// thirtyTwoBit makes a call of the 32-bit interface and does not return.
func thirtyTwoBit() {
	int80()
	fmt.Println("survived")
}
