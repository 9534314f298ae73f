/** The models that the panels list: those that come with the extension, and those found, with what stands against running one. */
import type { ModelFacts } from '../../protocol/language/requests';
import type { ModelChoice } from '../../protocol/panels/run-panel';

/** `there`: whether its files are, which come with the packaged extension. */
export const demoChoice = (folder: string, there: boolean): ModelChoice => ({
  folder,
  label: there ? 'demo-lm (comes with Headscope)' : 'demo-lm (files are missing)',
  family: 'llama',
  runs:
    there || 'The files of the demo model are missing. Install Headscope again, or choose a model folder of your own.',
});

/** The model that sees, which is left out of the packaged extension to keep it small. */
export const demoVisionChoice = (folder: string, there: boolean): ModelChoice => ({
  folder,
  label: there ? 'demo-vlm (comes with Headscope)' : 'demo-vlm (in the repository only)',
  family: 'llava',
  runs:
    there ||
    'This demo model lies in the repository of Headscope and is left out of the packaged extension. Choose a model folder of your own.',
});

/** `folder`: path of the folder that holds the config. */
export function modelChoice(facts: ModelFacts, label: string, folder: string): ModelChoice {
  const mark = markOf(facts);
  return {
    folder,
    label,
    family: facts.family,
    runs: whyNotRun(facts, label) ?? true,
    ...(mark === undefined ? {} : { mark }),
  };
}

const hasWeights = ({ weightBytes = 0 }: ModelFacts): boolean => weightBytes > 0;

/** What a list says of a model beside its name; undefined where nothing stands against running it. */
export function markOf(facts: ModelFacts): string | undefined {
  if (facts.supported !== true) return 'cannot run';
  if (!hasWeights(facts)) return 'no weights';
  return facts.errors === 0 ? undefined : facts.errors === 1 ? '1 error' : `${facts.errors} errors`;
}

/** The demo models first, then those that run; models of the same label are distinguished by their folder. */
export function distinctChoices(demos: readonly ModelChoice[], found: readonly ModelChoice[]): readonly ModelChoice[] {
  const others = found
    .filter(({ folder }) => demos.every((demo) => demo.folder !== folder))
    .toSorted((a, b) => Number(a.runs !== true) - Number(b.runs !== true));
  const count = new Map<string, number>();
  for (const { label } of others) count.set(label, (count.get(label) ?? 0) + 1);
  return [
    ...demos,
    ...others.map((choice) =>
      (count.get(choice.label) ?? 0) > 1 ? { ...choice, label: `${choice.label} (${choice.folder})` } : choice,
    ),
  ];
}

/** Why the model of this config cannot be run, as a sentence with a next step; undefined when it can. */
export function whyNotRun(facts: ModelFacts | null, name: string): string | undefined {
  if (facts === null) return `${name} is not a model configuration. Choose the config.json of a model.`;
  if (facts.supported !== true)
    return `${name} cannot be run: ${facts.supported} Choose another model to run; the attention of this one can be looked at and benchmarked.`;
  if (!hasWeights(facts)) {
    return `There are no weights beside ${name}, so it cannot be run. Put the model's .safetensors files into its folder, or choose another model.`;
  }
  return undefined;
}
