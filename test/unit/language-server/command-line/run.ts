import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { runCheck } from '../../../../language-server/command-line/check-command';

export interface Ran {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** `headscope check` in this process. */
export const check = async (...words: readonly string[]): Promise<Ran> => {
  let [stdout, stderr] = ['', ''];
  const status = await runCheck(
    words,
    (text) => (stdout += text),
    (text) => (stderr += text),
  );
  return { status, stdout, stderr };
};

/** A folder for one test, which looks like a repository: no file above it is looked at. */
export class Place {
  readonly root = realpathSync(mkdtempSync(join(tmpdir(), 'headscope-check-')));

  constructor() {
    mkdirSync(join(this.root, '.git'));
  }

  /** Writes a file and gives its path. */
  put(name: string, content: string | Uint8Array): string {
    const path = join(this.root, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    return path;
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

const sizes = '"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4';

/** A config without a finding, with more fields at its end. */
export const config = (more = ''): string => `{"model_type": "llama", ${sizes}${more === '' ? '' : `, ${more}`}}\n`;
