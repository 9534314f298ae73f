/** Where in a file of the workspace an error came from. */
import type { FilePlace } from '../../protocol/wire/failures';

/** The first frame of the error's stack that lies in one of the files; a syntax error names its line first. */
export function placeIn(error: unknown, files: readonly string[]): FilePlace | undefined {
  const { stack, startLine, startColumn } = (typeof error === 'object' && error !== null ? error : {}) as {
    readonly stack?: unknown;
    readonly startLine?: unknown;
    readonly startColumn?: unknown;
  };
  // amaro names the place in fields of its own.
  const only = files.at(-1);
  if (typeof startLine === 'number' && only !== undefined) {
    return { file: only, line: startLine, ...(typeof startColumn === 'number' ? { column: startColumn + 1 } : {}) };
  }
  if (typeof stack !== 'string') return undefined;
  for (const line of stack.slice(0, 20_000).split('\n')) {
    for (const file of files) {
      const at = line.indexOf(`${file}:`);
      if (at === -1) continue;
      const [, row, column] = /^(\d+)(?::(\d+))?/.exec(line.slice(at + file.length + 1)) ?? [];
      if (row !== undefined) return { file, line: Number(row), ...(column ? { column: Number(column) } : {}) };
    }
  }
  return undefined;
}
