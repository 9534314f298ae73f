/**
 * The sbatch script for the tasks of a stage. It checks on the node that the node has what it needs, and writes the exit code of the task
 * into the folder of the sweep, because a cluster without accounting forgets it.
 */
import { join } from 'node:path';
import type { Stage, Submission } from '../engine';

/** Exit codes of the script for what the node lacks. No program that a task starts uses them. */
export const lacks = { folder: 97, program: 98, start: 96, room: 95 } as const;

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** Files named `TASK.CODE`, with the name of the node in them. */
export const endsFolder = (ownFolder: string): string => join(ownFolder, 'ends');
export const logFile = (ownFolder: string, task: number): string => join(ownFolder, 'logs', `${task}.txt`);

/** `setup`: lines of the shell before each task. */
export function taskScript(
  { ownFolder, command, tries }: Submission,
  { first, cellsOfTask }: Stage,
  setup: readonly string[],
): string {
  const [program = '', script = '', ...words] = command;
  // Each start of a task ends at least one cell. Without a limit, a task that cannot start would be started again endlessly.
  const most = tries * Math.max(1, cellsOfTask);
  return `#!/bin/sh
# A task of a sweep of Headscope.
task=$((${first} + SLURM_ARRAY_TASK_ID))
own=${quoted(ownFolder)}
[ -d "$own/ends" ] || exit ${lacks.folder}
: >>"$own/logs/$task.txt" || exit ${lacks.room}
exec >>"$own/logs/$task.txt" 2>&1
ended() {
  uname -n >"$own/ends/.$task" && mv "$own/ends/.$task" "$own/ends/$task.$1"
  exit "$1"
}
${setup.join('\n')}
command -v ${quoted(program)} >/dev/null && [ -r ${quoted(script)} ] || ended ${lacks.program}
${quoted(program)} ${quoted(script)} --version >/dev/null || ended ${lacks.start}
start=1
while :; do
  ${[program, script, ...words].map(quoted).join(' ')} "$task"
  code=$?
  # A process that was killed is started again; one that ended by itself has said why.
  [ "$code" -gt 128 ] && [ "$start" -lt ${most} ] || ended "$code"
  start=$((start + 1))
done
`;
}
