package docker

// errNetworkElsewhere: the namespaces of the engine's containers are not to be
// found on this host.
var errNetworkElsewhere = refused("give a network", "The engine is on another machine or in a virtual one, and its "+
	"containers cannot be given a network from here. Use network \"none\", or a runtime that is a box: Bun, Deno or Native.")
