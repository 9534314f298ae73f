/** Modules in the Kernels panel: the list by kind, the form of one, and what a run of it gave. */
import { html, nothing, type TemplateResult } from 'lit';
import type { ModuleInfo } from '../../../protocol/compute/modules';
import type { ModuleInputChoice } from '../../../protocol/results/module-schema';
import { moduleResult } from '../../modules/module-result';
import { button, disclosure, dropdown, field, progressRing, segments, textField } from '../../ui/controls';
import { isOpen } from '../../ui/disclosures';
import { pathField } from '../../ui/path-field';
import { tableFields } from '../../ui/table-fields';
import { textArea } from '../../ui/text-area';
import type { Part } from './actions';
import { sourceLine } from './mechanism-list';
import { inputsOf, moduleFormOf, type ModuleForm, type ModuleProblems } from '../../modules/module-form';
import { moduleForm, moduleInfo, moduleReading } from '../../modules/module-state';

const kindTitles: Readonly<Record<string, string>> = {
  attention: 'Token mixers',
  block: 'Blocks',
  fusion: 'Fusions',
  head: 'Heads',
  network: 'Networks',
};

const inputTitles: Readonly<Record<ModuleInputChoice['kind'], string>> = {
  sample: 'Sample',
  picture: 'Picture',
  written: 'Text',
  tensors: 'File',
};

/** Nothing is asked of the compute server before the section is opened. */
export function moduleSection(part: Part): TemplateResult | typeof nothing {
  const { state, actions } = part;
  if (state.place === 'file' || state.mechanisms.length === 0) return nothing;
  return disclosure({
    title: 'Modules: blocks, fusions and heads with inputs of their own',
    open: isOpen(state, 'modules', false),
    id: 'modules',
    onToggle: (open) => {
      actions.toggle('modules', open);
      if (open) actions.askModules();
    },
    body: () => body(part),
  });
}

function body(part: Part): TemplateResult {
  const { state } = part;
  const form = moduleForm(state);
  const info = form && moduleInfo(state, form);
  if (!form || !info) {
    const { problem } = state.modules;
    return problem
      ? html`<p class="problem" role="alert">${problem.sentence}</p>`
      : html`<p class="waiting">${progressRing()}<span>Reading the catalogue</span></p>`;
  }
  return html`<div class="modules">
    <div class="module-form">${chooser(part, form, info)} ${formOf(part, form, info)} ${runLine(part)}</div>
    ${results(part)}
  </div>`;
}

function chooser({ state, actions }: Part, form: ModuleForm, info: ModuleInfo): TemplateResult {
  const known = state.modules.known ?? [];
  return html`<div class="module-chooser">
    ${dropdown({
      label: 'Module',
      choices: Object.entries(kindTitles).flatMap(([kind, title]) =>
        known
          .filter((module) => module.kind === kind)
          .map((module) => ({ value: module.id, label: `${title}: ${module.title}`, hint: module.summary })),
      ),
      value: form.module,
      onChange: (id) => actions.editModule(moduleFormOf(id, form)),
    })}
    <p>${info.summary}</p>
    <p class="muted">${sourceLine(info, actions)}</p>
  </div>`;
}

function formOf(part: Part, form: ModuleForm, info: ModuleInfo): TemplateResult {
  const { actions } = part;
  const reading = moduleReading(part.state);
  const problems: ModuleProblems = reading?.ok === false ? reading.problems : { parameters: {} };
  const edit = (change: Partial<ModuleForm>): void => actions.editModule({ ...form, ...change });
  return html`<section aria-label="Input of the module">
      <h3>Input</h3>
      <p class="reason">${info.inputs.map(({ title, description }) => `${title} ${description}`).join('; ')}</p>
      ${segments({
        label: 'Input from',
        choices: inputsOf(info).map((kind) => ({ value: kind, label: inputTitles[kind] })),
        value: form.input,
        onChange: (input) => edit({ input }),
      })}
      ${inputFields(part, form, info, problems, edit)}
    </section>
    ${info.weights.length === 0 ? nothing : weightFields(part, form, info, edit)}
    <section aria-label="Run of the module">
      <h3>Run</h3>
      <div class="fields">
        ${field(
          'Precision',
          dropdown({
            label: 'Precision of the module',
            choices: ['float32', 'float16'].map((value) => ({ value, label: value })),
            value: form.precision,
            onChange: (precision) => edit({ precision: precision === 'float16' ? 'float16' : 'float32' }),
          }),
        )}
        ${field(
          'Seconds',
          textField({
            label: 'Seconds of timing',
            value: form.seconds,
            numeric: true,
            problem: problems.seconds,
            onInput: (seconds) => edit({ seconds }),
          }),
          'Most time spent timing it in turn with plain attention over the same tokens; 0: no timing.',
        )}
        ${field(
          'Seed',
          textField({
            label: 'Seed of the module',
            value: form.seed,
            numeric: true,
            problem: problems.seed,
            onInput: (seed) => edit({ seed }),
          }),
          'Seed of the samples, and of weights that no file gives.',
        )}
      </div>
    </section>
    <section class="module-sizes" aria-label="Parameters of the module">
      <h3>Sizes</h3>
      <div class="module-parameters">
        ${tableFields({
          table: info.parameters,
          typed: form.parameters,
          problems: problems.parameters,
          onChange: (parameters) => edit({ parameters }),
          onBrowse: () => {},
        })}
      </div>
    </section>`;
}

/** A file of published weights and its prefix. */
function weightFields(
  { actions }: Part,
  form: ModuleForm,
  info: ModuleInfo,
  edit: (change: Partial<ModuleForm>) => void,
): TemplateResult {
  return html`<section aria-label="Weights of the module">
    <h3>Weights</h3>
    ${pathField({
      label: 'Published weights',
      value: form.files.weights,
      placeholder: 'Empty: drawn from the seed',
      what: 'file',
      onInput: (weights) => edit({ files: { ...form.files, weights } }),
      onBrowse: () => actions.chooseModuleFile('weights'),
    })}
    <p class="reason">
      A safetensors file with the names of the repository:
      ${info.weights
        .slice(0, 2)
        .map(({ name }) => name)
        .join(', ')}
      … behind a prefix. The sizes follow from their shapes.
    </p>
    ${form.files.weights === '' ? nothing : field('Prefix', textField({ label: 'Prefix of the weights', value: form.prefix, placeholder: 'The first that fits', onInput: (prefix) => edit({ prefix }) }))}
  </section>`;
}

function inputFields(
  { actions }: Part,
  form: ModuleForm,
  info: ModuleInfo,
  problems: ModuleProblems,
  edit: (change: Partial<ModuleForm>) => void,
): TemplateResult {
  const file = (what: 'picture' | 'tensors', label: string, placeholder: string): TemplateResult =>
    pathField({
      label,
      value: form.files[what],
      placeholder,
      problem: problems.input,
      what: what === 'picture' ? 'picture' : 'file',
      onInput: (path) => edit({ files: { ...form.files, [what]: path } }),
      onBrowse: () => actions.chooseModuleFile(what),
    });
  switch (form.input) {
    case 'sample': {
      const chosen = info.samples.find(({ id }) => id === form.sample) ?? info.samples[0];
      return html`${dropdown({
          label: 'Sample',
          choices: info.samples.map(({ id, title }) => ({ value: id, label: title })),
          value: chosen?.id ?? '',
          onChange: (sample) => edit({ sample }),
        })}
        <p class="reason">${chosen?.description}</p>`;
    }
    case 'picture':
      return html`${file('picture', 'Picture', 'A PNG or JPEG file')}`;
    case 'tensors':
      return html`${file('tensors', 'Tensors', 'safetensors or JSON')}
        <p class="reason">
          By name: ${info.inputs.map(({ name, shape }) => `${name} [${shape.join(', ')}]`).join(', ')}.
        </p>`;
    case 'written':
      return html`${textArea({
          label: info.written?.title ?? 'Text',
          value: form.text ?? info.written?.example ?? '',
          rows: 6,
          onInput: (text) => edit({ text }),
        })}
        <p class="reason">${info.written?.description}</p>`;
  }
}

function runLine({ state, actions }: Part): TemplateResult {
  const { running, problem, result } = state.modules;
  const reading = moduleReading(state);
  const why =
    state.canRun !== true
      ? state.canRun
      : reading?.ok === false
        ? reading.why
        : state.phase.kind === 'running'
          ? 'The benchmark of mechanisms runs.'
          : undefined;
  return html`<div class="module-run">
      ${
        running
          ? button({
              label: running.stopping ? 'Stopping' : 'Stop',
              icon: 'debug-stop',
              appearance: 'secondary',
              disabled: running.stopping,
              onClick: () => actions.stopModule(),
            })
          : button({
              label: 'Run the module',
              icon: 'play',
              disabled: why !== undefined,
              onClick: () => actions.runModule(),
            })
      }
      ${running || !result ? nothing : button({ label: 'Save as JSON', icon: 'save', appearance: 'secondary', onClick: () => actions.saveModule() })}
      <span class="muted" role="status"
        >${running ? `${running.sentence} (${Math.floor(100 * running.share)} %)` : (why ?? '')}</span
      >
    </div>
    ${problem ? html`<p class="problem" role="alert">${problem.details ?? problem.sentence}</p>` : nothing}`;
}

function results({ state, actions, dark, compact }: Part): TemplateResult | typeof nothing {
  const { result } = state.modules;
  if (!result) return nothing;
  return moduleResult({
    result,
    dark,
    compact,
    views: state.view.module?.sections ?? {},
    actions: {
      view: (id, change) => actions.viewModuleSection(id, change),
      copy: (text, what) => actions.copy(text, what),
      save: (...saved) => actions.saveModuleSection(...saved),
    },
  });
}
