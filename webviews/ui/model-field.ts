/** Which model: those that were found, and any folder of the disk. */
import { html, type TemplateResult } from 'lit';
import { button, dropdown } from './controls';

/** As the extension sends it; `runs`: true, or why it cannot run. */
interface Choosable {
  readonly folder: string;
  readonly label: string;
  readonly family: string;
  readonly runs: true | string;
  readonly mark?: string;
  readonly formOf?: { readonly folder: string; readonly title: string };
}

/** For a GGUF file beside the safetensors of the same model, the folder of these if it is listed; else the path itself. */
export function wholeModel(path: string, models: readonly Choosable[]): string {
  const folder = models.find((one) => one.folder === path)?.formOf?.folder;
  return folder !== undefined && models.some((one) => one.folder === folder) ? folder : path;
}

/** The GGUF files that are other forms of the model of a folder. */
export const formsOf = <T extends Choosable>(
  folder: string,
  models: readonly T[],
): readonly { readonly choice: T; readonly title: string }[] =>
  models.flatMap((choice) => (choice.formOf?.folder === folder ? [{ choice, title: choice.formOf.title }] : []));

export interface ModelProblem {
  readonly folder: string;
  readonly sentence: string;
}

/** Why the model of a folder cannot run, as far as the list or an attempt to open it says: of use until it was opened. */
export const whyModelDoesNotRun = (
  folder: string,
  models: readonly Choosable[],
  problem: ModelProblem | undefined,
): string | undefined => {
  const runs = models.find((one) => one.folder === folder)?.runs ?? true;
  return runs === true ? (problem?.folder === folder ? problem.sentence : undefined) : runs;
};

export interface ModelFieldOptions {
  readonly models: readonly Choosable[];
  readonly folder: string;
  readonly onChoose: (folder: string) => void;
  readonly onBrowse: () => void;
}

export function modelField({ models, folder, onChoose, onBrowse }: ModelFieldOptions): TemplateResult {
  const known = models.map(
    ({ folder: value, label, runs, family, mark = runs === true ? undefined : 'cannot run' }) => ({
      value,
      label: mark === undefined ? label : `${label} (${mark})`,
      hint: runs === true ? `${family}, ${value}` : runs,
    }),
  );
  const choices = known.some(({ value }) => value === folder)
    ? known
    : [
        ...(folder === '' ? [{ value: '', label: 'Choose a model' }] : [{ value: folder, label: lastName(folder) }]),
        ...known,
      ];
  return html`<div class="with-button">
    ${dropdown({ label: 'Model', choices, value: folder, onChange: onChoose })}
    ${button({ label: 'Browse for a model folder', icon: 'folder-opened', appearance: 'icon', onClick: onBrowse })}
  </div>`;
}

/** The last part of a path. */
export const lastName = (path: string): string => path.split(/[\\/]/).findLast((part) => part !== '') ?? path;
