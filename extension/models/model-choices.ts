/** The models whose heads can be shown: the one that comes with the extension, and those whose weights lie beside the config. Pure. */
import type { ModelFacts } from '../../protocol/language/requests';
import type { ModelChoice } from '../../protocol/panels/heads';

/** `there`: whether its files are; the packaged extension would pass 20 MB with them. */
export const demoChoice = (folder: string, there: boolean): ModelChoice => ({
  folder,
  label: there ? 'demo-lm (comes with Headscope)' : 'demo-lm (in the repository only)',
  family: 'llama',
  runs:
    there ||
    'The demo model lies in the repository of Headscope and is left out of the packaged extension. Choose a model folder of your own.',
});

/** The model that sees, which comes with the extension; with the same bound on the package. */
export const demoVisionChoice = (folder: string, there: boolean): ModelChoice => ({
  ...demoChoice(folder, there),
  label: there ? 'demo-vlm (comes with Headscope)' : 'demo-vlm (in the repository only)',
  family: 'llava',
});

/** `folder`: path of the folder that holds the config. Undefined when there is nothing to run beside it. */
export function modelChoice(facts: ModelFacts, label: string, folder: string): ModelChoice | undefined {
  if (facts.weightBytes === undefined || facts.weightBytes === 0) return undefined;
  return { folder, label, family: facts.family, runs: facts.supported };
}

/** The demo models first; models of the same label are told apart by their folder. */
export function distinctChoices(demos: readonly ModelChoice[], found: readonly ModelChoice[]): readonly ModelChoice[] {
  const others = found.filter(({ folder }) => demos.every((demo) => demo.folder !== folder));
  const count = new Map<string, number>();
  for (const { label } of others) count.set(label, (count.get(label) ?? 0) + 1);
  return [
    ...demos,
    ...others.map((choice) =>
      (count.get(choice.label) ?? 0) > 1 ? { ...choice, label: `${choice.label} (${choice.folder})` } : choice,
    ),
  ];
}

/** Why the heads of this config cannot be shown, as a sentence; undefined when they can. */
export function whyNoHeads(facts: ModelFacts | null, name: string): string | undefined {
  if (facts === null) return `${name} is no model configuration. Choose the config.json of a model.`;
  if (facts.supported !== true) return `The heads of ${name} cannot be shown: ${facts.supported}`;
  if (facts.weightBytes === undefined || facts.weightBytes === 0) {
    return `No weights lie beside ${name}, so its heads cannot be shown. Put the model's .safetensors files into its folder, or choose another model by "Headscope: Show Head Patterns".`;
  }
  return undefined;
}
