package boxed

// AgentThreads is what RLIMIT_NPROC leaves to the agent.
const AgentThreads = agentThreads
