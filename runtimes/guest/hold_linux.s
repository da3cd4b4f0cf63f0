// Empty: the compiler takes functions without a body only beside assembly.
