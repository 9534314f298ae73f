/** `headscope check` for a call: the language server's bundle, which lies beside this one, in a process that the call ends. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { FailureError } from '../../../protocol/wire/failures';
import { exitInWords } from '../../processes/exit-words';

interface Checked {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export const runCheck = (words: readonly string[], signal: AbortSignal): Promise<Checked> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(__dirname, 'language-server.js'), ...words], {
      stdio: ['ignore', 'pipe', 'pipe'],
      signal,
    });
    let [out, err] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
    child.on('error', (error) => {
      reject(signal.aborted ? new FailureError({ code: 'cancelled' }) : error);
    });
    child.on('close', (code, killed) => {
      if (code === null) reject(new Error(`the check ended early: ${exitInWords(code, killed, err)}`));
      else resolve({ code, out, err });
    });
  });

interface Outcome {
  readonly files?: readonly {
    readonly path: string;
    readonly findings: readonly {
      readonly code: string;
      readonly severity: string;
      readonly message: string;
      readonly range: { readonly start: { readonly line: number; readonly character: number } };
    }[];
  }[];
  readonly fixed?: readonly { readonly path: string; readonly count: number }[];
}

/** A line each, as compilers print findings. */
export function outcomeText({ files = [], fixed = [] }: Outcome): string {
  const lines = files.flatMap(({ path, findings }) =>
    findings.map(
      ({ code, severity, message, range: { start } }) =>
        `${path}:${start.line + 1}:${start.character + 1}: ${severity}: ${message} (${code})`,
    ),
  );
  const mended = fixed.map(({ path, count }) => `${path}: ${count} ${count === 1 ? 'change' : 'changes'} made`);
  const counts = `${files.length} ${files.length === 1 ? 'file' : 'files'} checked, ${lines.length} ${lines.length === 1 ? 'finding' : 'findings'}.`;
  return [counts, ...mended, ...lines].join('\n');
}
