/** Where other programs keep models on this machine. They are offered, and read only after a person adds them. */
import { stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { expandHome } from './model-folders';

export interface ModelStore {
  readonly program: string;
  readonly folder: string;
}

/** The stores that exist and that `headscope.models.folders` does not name. */
export async function offeredStores(
  folders: readonly string[],
  { home = homedir(), environment = process.env }: { home?: string; environment?: NodeJS.ProcessEnv } = {},
): Promise<readonly ModelStore[]> {
  const known = new Set(folders.map((folder) => expandHome(folder, home)));
  const stores: readonly ModelStore[] = [
    { program: 'Ollama', folder: environment['OLLAMA_MODELS'] ?? join(home, '.ollama', 'models') },
    { program: 'LM Studio', folder: join(home, '.lmstudio', 'models') },
    // Until 2024.
    { program: 'LM Studio', folder: join(home, '.cache', 'lm-studio', 'models') },
  ];
  const there = await Promise.all(
    stores.map(({ folder }) =>
      stat(folder).then(
        (about) => about.isDirectory(),
        () => false,
      ),
    ),
  );
  return stores.filter(({ folder }, at) => there[at] === true && !known.has(folder));
}
