const signals: Readonly<Record<string, string>> = {
  SIGABRT: 'a native library gave up (SIGABRT)',
  SIGSEGV: 'a native library crashed (SIGSEGV)',
  SIGBUS: 'a native library crashed (SIGBUS)',
  SIGTRAP: 'an allocation was too large for this runtime (SIGTRAP)',
  SIGILL: 'the processor lacks an instruction that a native library uses (SIGILL)',
  SIGKILL: 'it was killed (SIGKILL), by the system if memory ran out',
  SIGTERM: 'it was asked to end (SIGTERM)',
};

/** Why a process ended, as part of a sentence, with the last line that it wrote to stderr. */
export function exitInWords(code: number | null, signal: string | null, stderr = ''): string {
  const why = signal ? (signals[signal] ?? `it ended by ${signal}`) : `it ended with code ${code ?? 'unknown'}`;
  const last = stderr.trim().split('\n').at(-1)?.trim();
  return last ? `${why}: ${last}` : why;
}
