/** The settings of the command line that give an analysis what it runs on. */
import type { InputKind } from './analysis';

/** What an analysis runs on, and the settings that a person gives it with, by their names without dashes. */
export const waysToGive: Readonly<Record<InputKind, { readonly title: string; readonly settings: readonly string[] }>> =
  {
    prompt: { title: 'a prompt', settings: ['prompt'] },
    'prompt-pair': { title: 'a prompt and its counterpart', settings: ['prompt', 'counterpart'] },
    image: { title: 'a prompt with a picture', settings: ['prompt', 'image'] },
    task: { title: 'a task', settings: ['task'] },
    corpus: { title: 'documents', settings: ['corpus'] },
    'image-set': { title: 'pictures', settings: ['images'] },
    none: { title: 'the model alone', settings: [] },
  };

const prompts = ['prompt', 'prompt-file', 'ids', 'source'];

/** Whether settings of these names give an input. A picture without a prompt is one for a vision encoder. */
export function givenBy(input: InputKind, names: ReadonlySet<string>): boolean {
  const has = (...some: readonly string[]): boolean => some.some((name) => names.has(name));
  switch (input) {
    case 'prompt':
      return has(...prompts, 'image');
    case 'prompt-pair':
      return has(...prompts) && has('counterpart', 'counterpart-file');
    case 'image':
      return has(...prompts);
    case 'task':
    case 'corpus':
      return has(input);
    case 'image-set':
      return has('images');
    case 'none':
      return true;
  }
}
