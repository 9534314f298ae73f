/** What a model is called, by the place of its config. */

/** `meta-llama/Llama-3.1-8B` in the Hugging Face cache layout, else the name of the folder. */
export function modelLabel(configPath: string): string {
  const parts = configPath.split(/[\\/]/).filter((part) => part !== '');
  const folder = parts.at(-2) ?? configPath;
  const repository = parts.at(-4);
  if (parts.at(-3) === 'snapshots' && repository?.startsWith('models--') === true) {
    return repository.slice('models--'.length).replaceAll('--', '/');
  }
  return folder;
}
