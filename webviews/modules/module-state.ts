/** What the section of modules holds, and how a message changes it. Pure. */
import type { ModuleInfo } from '../../protocol/compute/modules';
import type { ToKernelsPanel } from '../../protocol/panels/kernels';
import type { ModuleSetup, ModuleResult } from '../../protocol/results/module-schema';
import { unreachable } from '../../protocol/unreachable';
import type { SectionView } from '../sections/section-kind';
import { readModuleForm, moduleFormOf, type ModuleForm, type ModuleReading } from './module-form';

export interface ModuleView {
  readonly form: ModuleForm;
  /** By the id of the section. */
  readonly sections: Readonly<Record<string, SectionView>>;
}

export interface ModuleState {
  /** Undefined until they were asked for. */
  readonly known: readonly ModuleInfo[] | undefined;
  readonly asked: boolean;
  readonly running: { readonly sentence: string; readonly share: number; readonly stopping: boolean } | undefined;
  readonly result: ModuleResult | undefined;
  readonly problem: { readonly sentence: string; readonly details?: string } | undefined;
}

export const initialModules: ModuleState = {
  known: undefined,
  asked: false,
  running: undefined,
  result: undefined,
  problem: undefined,
};

/** What of the panel the section reads and changes. */
interface Holder {
  readonly modules: ModuleState;
  readonly view: { readonly module?: ModuleView };
  /** The form of the benchmark: its device and its threads are those of the section. */
  readonly form: { readonly device: string; readonly threads: string } | undefined;
  readonly canRun: true | string;
  readonly phase: { readonly kind: string };
}

type Message = Extract<
  ToKernelsPanel,
  { readonly kind: 'modules' | 'moduleStage' | 'moduleResult' | 'moduleFailed' | 'moduleFile' }
>;

export function receiveModules<S extends Holder>(state: S, message: Message): S {
  const { modules } = state;
  switch (message.kind) {
    case 'modules':
      return { ...state, modules: { ...modules, known: message.modules, asked: false, problem: undefined } };
    case 'moduleStage': {
      const { sentence, share } = message.progress;
      const { running } = modules;
      return running ? { ...state, modules: { ...modules, running: { ...running, sentence, share } } } : state;
    }
    case 'moduleResult':
      return { ...state, modules: { ...modules, running: undefined, result: message.result, problem: undefined } };
    case 'moduleFailed': {
      const { kind: _kind, ...problem } = message;
      return { ...state, modules: { ...modules, asked: false, running: undefined, problem } };
    }
    case 'moduleFile': {
      const form = moduleForm(state);
      if (!form) return state;
      return withModuleForm(state, { ...form, files: { ...form.files, [message.what]: message.path } });
    }
    default:
      return unreachable(message);
  }
}

/** The form; that of the first module to begin with. */
export function moduleForm({ view, modules }: Pick<Holder, 'view' | 'modules'>): ModuleForm | undefined {
  const known = modules.known ?? [];
  const form = view.module?.form;
  if (form && known.some(({ id }) => id === form.module)) return form;
  return known[0] && moduleFormOf(known[0].id, form);
}

export const moduleInfo = ({ modules }: Pick<Holder, 'modules'>, form: ModuleForm): ModuleInfo | undefined =>
  modules.known?.find(({ id }) => id === form.module);

export const withModuleForm = <S extends Holder>(state: S, form: ModuleForm): S => ({
  ...state,
  view: { ...state.view, module: { sections: {}, ...state.view.module, form } },
});

/** On the device of the panel and with its threads, where the form has them. */
export function moduleReading(state: Holder): ModuleReading | undefined {
  const form = moduleForm(state);
  const info = form && moduleInfo(state, form);
  if (!form || !info) return undefined;
  const threads = Number(state.form?.threads ?? 0);
  return readModuleForm(form, info, state.form?.device ?? 'cpu', Number.isInteger(threads) ? threads : 0);
}

/** The plan to run, and the state of the panel meanwhile; undefined where nothing may run. */
export function startModule<S extends Holder>(state: S): { readonly state: S; readonly plan: ModuleSetup } | undefined {
  const reading = moduleReading(state);
  if (!reading?.ok || state.canRun !== true || state.modules.running || state.phase.kind === 'running')
    return undefined;
  return {
    plan: reading.plan,
    state: {
      ...state,
      modules: {
        ...state.modules,
        running: { sentence: 'Starting', share: 0, stopping: false },
        problem: undefined,
      },
    },
  };
}
