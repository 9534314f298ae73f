/**
 * Every command, declared once: title, what it needs, where menus offer it. `npm run manifest` writes package.json from it,
 * and `extension/commands` registers exactly this table.
 */
import {
  contextKeys,
  customEditors,
  exampleIsOpen,
  items,
  kernelsPanel,
  sweepEditor,
  views,
  workbenchPanel,
  type LivePanelName,
} from './views';

type Menu =
  | 'editor/title'
  | 'editor/context'
  | 'explorer/context'
  | 'view/title'
  | 'view/item/context'
  | 'file/newFile';

/** One place in a menu: VS Code sorts by group, then by the number behind the @. `inline` is an icon in the row itself. */
interface Placement {
  readonly menu: Menu;
  readonly when: string;
  readonly group: string;
}

interface Command {
  readonly title: string;
  /** A codicon. */
  readonly icon?: string;
  /** `trust`: does something only in a trusted workspace. All commands answer while the compute server is down. */
  readonly needs?: 'trust';
  /** When the command palette offers it; `never` for what needs an item of a menu. Always, where it is absent. */
  readonly palette?: string;
  /** No menu has it either. */
  readonly isAlias?: true;
  readonly menus?: readonly Placement[];
}

const never = 'false';
const trusted = 'isWorkspaceTrusted';
const isConfig = 'resourceFilename == config.json';
/** A GGUF file that does not run says so when it is asked to. */
const mayRun = `resourceFilename =~ /^config\\.json$|\\.gguf$/`;
/** GGUF files, graphs and adapters are looked at. */
const isOtherFile = `resourceFilename =~ /^adapter_config\\.json$|\\.(gguf|onnx)$/`;
const isModelFile = `resourceFilename =~ /^(adapter_)?config\\.json$|\\.(gguf|onnx)$/`;
const isModel = `${isConfig} && resourcePath in ${contextKeys.modelPaths}`;
const isVisionModel = `${isConfig} && resourcePath in ${contextKeys.visionModelPaths}`;
const both = (...conditions: readonly string[]): string => conditions.join(' && ');

const escaped = (text: string): string => text.replace(/[.]/g, '\\$&');
/** A file of one of these kinds, or of any saved kind. */
const isResult = (...kinds: readonly (keyof typeof customEditors)[]): string => {
  const chosen = kinds.length === 0 ? (Object.keys(customEditors) as (keyof typeof customEditors)[]) : kinds;
  return `resourceFilename =~ /(${chosen.map((kind) => escaped(customEditors[kind].suffix)).join('|')})$/`;
};
const isSweepFile = 'resourceFilename =~ /\\.headscope-sweep\\.ya?ml$/';
const isCaptureFile = 'resourceFilename =~ /\\.headscope-capture\\.json$/';
/** Files of a person that Headscope runs. */
const isOwnFile = 'resourceFilename =~ /\\.headscope-(kernel|analysis|task)\\.ts$/';
const runsOnModel = 'resourceFilename =~ /\\.headscope-(analysis|task)\\.ts$/';
const kernelsInFront = `activeWebviewPanelId == '${kernelsPanel}'`;
const isOpenResult = `activeCustomEditorId =~ /^(${Object.values(customEditors)
  .map((editor) => escaped(editor.viewType))
  .join('|')})$/`;

const inEditorTitle = (when: string, group: string): Placement => ({ menu: 'editor/title', when, group });
const inEditor = (when: string, group: string): Placement => ({ menu: 'editor/context', when, group });
const inExplorer = (when: string, group: string): Placement => ({ menu: 'explorer/context', when, group });
const inViewTitle = (view: keyof typeof views, group: string): Placement => ({
  menu: 'view/title',
  when: `view == ${views[view]}`,
  group,
});
/** In the title of the live view while it shows this panel. */
const inLiveTitle = (panel: LivePanelName, group: string): Placement => ({
  menu: 'view/title',
  when: both(`view == ${views.live}`, `${contextKeys.livePanel} == ${panel}`),
  group,
});
/** In the menu of the live view while it shows another panel. */
const inLiveMenu = (panel: LivePanelName, group: string): Placement => ({
  menu: 'view/title',
  when: both(`view == ${views.live}`, `${contextKeys.livePanel} != ${panel}`),
  group,
});
/** On rows of a tree whose `viewItem` begins with `item`, or `is` it alone. */
const onRows = (view: keyof typeof views, item: string, group: string, ...more: readonly string[]): Placement => ({
  menu: 'view/item/context',
  when: both(`view == ${views[view]}`, `viewItem =~ /^${item}/`, ...more),
  group,
});

/** While a view is open; VS Code keeps the key. */
const shows = (view: keyof typeof views): string => `${views[view]}.visible`;
/** While a panel or a saved file of its kind is in front. */
const inFront = (panel: string, editor: keyof typeof customEditors): string =>
  `activeWebviewPanelId == '${panel}' || activeCustomEditorId == '${customEditors[editor].viewType}'`;

/** Rows that are looked at: configs and other files. */
const anyModel = `(${items.model}|${items.file})`;
/** Rows of models that run. */
const runs = `(${items.model}|${items.fileThatRuns})`;
/** Rows of saved files and of runs of the history. */
const anyResult = `(${items.result}|${items.run})`;

/** It had a place in a view that is gone, and is left for keybindings. */
const alias = { palette: never, isAlias: true } as const;

export const commands = {
  'headscope.benchmarkKernels': {
    title: 'Benchmark Attention Kernels',
    icon: 'graph-line',
    menus: [inLiveTitle('kernels', 'navigation@1')],
  },
  'headscope.benchmarkConfig': {
    title: 'Benchmark the Attention of This Config',
    palette: isModel,
    icon: 'graph-line',
    needs: 'trust',
    menus: [
      inEditorTitle(both(isModel, trusted), 'navigation@5'),
      inExplorer(both(isConfig, trusted), '3_headscope@1'),
      inEditor(both(isModel, trusted), '3_headscope@1'),
      onRows('models', items.model, 'inline@1'),
      onRows('models', `(${items.model}|${items.fileThatRuns}|${items.fileWithAttention})`, '1_run@1'),
    ],
  },
  'headscope.cancelBenchmark': {
    title: 'Cancel the Benchmark',
    icon: 'stop-circle',
    palette: contextKeys.benchmarkRunning,
  },
  'headscope.showHeads': {
    title: 'Show Head Patterns',
    icon: 'eye',
    needs: 'trust',
    menus: [
      inEditorTitle(both(isModel, trusted), 'navigation@6'),
      inExplorer(both(mayRun, trusted), '3_headscope@2'),
      inEditor(both(isModel, trusted), '3_headscope@2'),
      onRows('models', runs, 'inline@2'),
      onRows('models', runs, '1_run@2'),
    ],
  },
  'headscope.cancelHeads': {
    title: 'Cancel the Run of the Model',
    icon: 'stop-circle',
    ...alias,
  },
  'headscope.compareHeads': {
    title: 'Compare Heads of Two Results…',
    palette: inFront(workbenchPanel, 'heads'),
    icon: 'diff',
  },
  'headscope.exportHeadLabels': {
    title: 'Export Labels of the Heads…',
    palette: inFront(workbenchPanel, 'heads'),
    icon: 'export',
    menus: [
      inEditorTitle(`activeCustomEditorId == '${customEditors.heads.viewType}'`, '1_export@1'),
      inExplorer(isResult('heads'), '3_headscope@4'),
      onRows('models', items.resultOfHeads, '2_compare@2'),
    ],
  },
  'headscope.showHallucination': {
    title: 'Show Hallucination Heads',
    icon: 'file-media',
    needs: 'trust',
    menus: [
      inEditorTitle(both(isVisionModel, trusted), 'navigation@7'),
      inExplorer(both('resourceExtname =~ /^\\.(png|jpe?g)$/i', trusted), '3_headscope@1'),
      inExplorer(both(isVisionModel, trusted), '3_headscope@3'),
      inEditor(both(isVisionModel, trusted), '3_headscope@3'),
      onRows('models', items.modelWithVision, '1_run@3'),
    ],
  },
  'headscope.cancelHallucination': { title: 'Cancel the Run on Pictures', icon: 'stop-circle', ...alias },
  'headscope.openWorkbench': { title: 'Open Workbench', icon: 'beaker', needs: 'trust' },
  'headscope.runAnalysis': {
    title: 'Run an Analysis…',
    icon: 'beaker',
    needs: 'trust',
    menus: [
      inExplorer(both(mayRun, trusted), '3_headscope@6'),
      inEditor(both(isModel, trusted), '3_headscope@6'),
      inViewTitle('analyses', 'navigation@1'),
      inLiveTitle('workbench', 'navigation@1'),
      onRows('models', runs, '1_run@6'),
      onRows('analyses', items.analysis, 'inline@1'),
    ],
  },
  'headscope.cancelAnalysis': {
    title: 'Cancel the Analysis',
    icon: 'stop-circle',
    palette: contextKeys.analysisRunning,
  },
  'headscope.newPlan': {
    title: 'New Cache Plan',
    icon: 'new-file',
    needs: 'trust',
    menus: [inExplorer(both(isConfig, trusted), '3_headscope@7'), onRows('models', items.model, '1_run@7')],
  },
  'headscope.importPlan': {
    title: 'Import a Cache Plan…',
    palette: `${isModel} || activeCustomEditorId == '${customEditors.plan.viewType}'`,
    icon: 'desktop-download',
    needs: 'trust',
    menus: [onRows('models', items.model, '1_run@8')],
  },
  'headscope.showHeadsWithPlan': {
    title: 'Show Heads with This Plan',
    palette: `activeCustomEditorId == '${customEditors.plan.viewType}'`,
    icon: 'eye',
    needs: 'trust',
    menus: [
      inExplorer(both(isResult('plan'), trusted), '3_headscope@4'),
      onRows('models', items.resultOfPlan, '2_compare@2'),
    ],
  },
  'headscope.evaluatePlan': {
    title: 'Evaluate This Plan…',
    palette: `activeCustomEditorId == '${customEditors.plan.viewType}'`,
    icon: 'beaker',
    needs: 'trust',
    menus: [
      inExplorer(both(isResult('plan'), trusted), '3_headscope@5'),
      onRows('models', items.resultOfPlan, '2_compare@3'),
    ],
  },
  'headscope.openSweep': {
    title: 'Open Sweep',
    icon: 'open-preview',
    menus: [
      inEditorTitle(both(isSweepFile, `activeCustomEditorId != '${sweepEditor.viewType}'`), 'navigation@1'),
      inExplorer(isSweepFile, '3_headscope@1'),
    ],
  },
  'headscope.openCapture': {
    title: 'Open Captured Attention',
    icon: 'open-preview',
    menus: [inEditorTitle(isCaptureFile, 'navigation@1'), inExplorer(isCaptureFile, '3_headscope@1')],
  },
  'headscope.newSweep': {
    title: 'New Sweep from This Run',
    icon: 'new-file',
    needs: 'trust',
    palette: `activeWebviewPanelId == '${workbenchPanel}'`,
    menus: [inEditorTitle(`activeWebviewPanelId == '${workbenchPanel}'`, '2_sweep@1')],
  },
  'headscope.newMechanism': {
    title: 'New Mechanism',
    icon: 'new-file',
    needs: 'trust',
    palette: `${isOwnFile} || ${kernelsInFront}`,
    menus: [
      { menu: 'file/newFile', when: trusted, group: 'Headscope@1' },
      inEditorTitle(both(kernelsInFront, trusted), '1_own@1'),
      inLiveTitle('kernels', '1_own@1'),
    ],
  },
  'headscope.copyMechanism': {
    title: 'Copy Mechanism to the Workspace…',
    icon: 'copy',
    needs: 'trust',
    palette: `${isOwnFile} || ${kernelsInFront}`,
    menus: [
      { menu: 'file/newFile', when: trusted, group: 'Headscope@2' },
      inEditorTitle(both(kernelsInFront, trusted), '1_own@2'),
      inLiveTitle('kernels', '1_own@2'),
    ],
  },
  'headscope.newAnalysis': {
    title: 'New Analysis',
    icon: 'new-file',
    needs: 'trust',
    palette: isOwnFile,
    menus: [{ menu: 'file/newFile', when: trusted, group: 'Headscope@3' }],
  },
  'headscope.newTask': {
    title: 'New Task',
    icon: 'new-file',
    needs: 'trust',
    palette: isOwnFile,
    menus: [{ menu: 'file/newFile', when: trusted, group: 'Headscope@4' }],
  },
  'headscope.runOwnFile': {
    title: 'Run on a Model…',
    icon: 'play',
    needs: 'trust',
    palette: runsOnModel,
    menus: [
      inEditorTitle(both(runsOnModel, trusted), 'navigation@1'),
      inExplorer(both(runsOnModel, trusted), '3_headscope@1'),
    ],
  },
  'headscope.runOwnFiles': {
    title: 'Run Own Files When They Are Saved…',
    needs: 'trust',
    palette: isOwnFile,
    menus: [inEditorTitle(isOwnFile, '1_own@1')],
  },
  'headscope.restartCompute': {
    title: 'Restart Compute Server',
    icon: 'debug-restart',
    needs: 'trust',
  },
  'headscope.restartLanguageServer': { title: 'Restart Language Server', icon: 'debug-restart' },
  'headscope.showLog': { title: 'Show Log', icon: 'output' },
  'headscope.showStatus': { title: 'Show Status' },
  'headscope.openWalkthrough': { title: 'Open Walkthrough', icon: 'book' },
  'headscope.openExample': { title: 'Open the Example Workspace', palette: `!${exampleIsOpen}`, icon: 'folder-opened' },
  'headscope.setRuleSeverity': { title: 'Set the Severity of a Rule', palette: isModel, icon: 'settings-gear' },
  'headscope.models.refresh': {
    title: 'Look for Models Again',
    palette: shows('models'),
    icon: 'refresh',
    menus: [inViewTitle('models', 'navigation@2')],
  },
  'headscope.models.addFolder': {
    title: 'Add a Folder of Models…',
    palette: shows('models'),
    icon: 'folder-opened',
    menus: [inViewTitle('models', 'navigation@1')],
  },
  'headscope.models.openFolder': {
    title: 'Open Folder of This Model',
    icon: 'folder',
    palette: never,
    menus: [onRows('models', anyModel, '2_open@1')],
  },
  'headscope.showModel': {
    title: 'Show This Model',
    icon: 'type-hierarchy-sub',
    menus: [
      inEditorTitle(isModel, 'navigation@4'),
      inExplorer(isOtherFile, '3_headscope@4'),
      onRows('models', anyModel, '1_run@4'),
    ],
  },
  'headscope.compareModels': {
    title: 'Compare Models…',
    icon: 'diff',
    menus: [
      inExplorer(isModelFile, '3_headscope@5'),
      inViewTitle('models', 'navigation@3'),
      inLiveTitle('model', 'navigation@1'),
      onRows('models', anyModel, '1_run@5'),
    ],
  },
  'headscope.live.show': {
    title: 'Show in Live View…',
    palette: shows('live'),
    icon: 'list-selection',
    menus: [inViewTitle('live', 'navigation@2')],
  },
  'headscope.live.showModel': {
    title: 'Show Model in Live View',
    palette: shows('live'),
    menus: [inLiveMenu('model', '1_show@1')],
  },
  'headscope.live.showKernels': {
    title: 'Show Kernels in Live View',
    palette: shows('live'),
    menus: [inLiveMenu('kernels', '1_show@2')],
  },
  'headscope.live.showHeads': {
    title: 'Show Heads in Live View',
    ...alias,
  },
  'headscope.live.showHallucination': { title: 'Show Hallucination in Live View', ...alias },
  'headscope.live.showAnalysis': {
    title: 'Show Workbench in Live View',
    palette: shows('live'),
    menus: [inLiveMenu('workbench', '1_show@4')],
  },
  'headscope.devices.show': { title: 'Devices…', icon: 'chip', needs: 'trust' },
  'headscope.devices.refresh': { title: 'Test the Devices Again', icon: 'refresh', needs: 'trust', ...alias },
  'headscope.devices.setUpCuda': { title: 'Set Up CUDA', icon: 'chip', needs: 'trust', ...alias },
  'headscope.devices.use': { title: 'Use This Device', icon: 'check', needs: 'trust', ...alias },
  'headscope.devices.copy': { title: 'Copy Details of This Device', icon: 'copy', needs: 'trust', ...alias },
  'headscope.results.refresh': { title: 'Look for Results Again', icon: 'refresh', ...alias },
  'headscope.results.open': {
    title: 'Open',
    icon: 'graph-line',
    palette: never,
    menus: [
      inEditorTitle(both(isResult(), "activeEditor == 'workbench.editors.files.textFileEditor'"), 'navigation@5'),
      onRows('models', anyResult, '1_open@1'),
    ],
  },
  'headscope.results.openText': {
    title: 'Open as Text',
    icon: 'json',
    palette: never,
    menus: [inEditorTitle(isOpenResult, 'navigation@5'), onRows('models', anyResult, '1_open@2')],
  },
  'headscope.results.compare': {
    title: 'Compare Results…',
    icon: 'diff',
    menus: [
      inExplorer(isResult(), '3_headscope@2'),
      inViewTitle('models', '1_results@1'),
      onRows('models', anyResult, '2_compare@1'),
    ],
  },
  'headscope.results.rename': {
    title: 'Rename…',
    icon: 'edit',
    palette: never,
    menus: [onRows('models', items.result, '3_file@2')],
  },
  'headscope.results.delete': {
    title: 'Delete…',
    icon: 'trash',
    palette: never,
    menus: [onRows('models', anyResult, '3_file@3'), onRows('models', anyResult, 'inline@1')],
  },
  'headscope.results.copyToWorkspace': {
    title: 'Copy to the Workspace',
    icon: 'save-as',
    palette: never,
    // Not on what is in the workspace already: those rows end in `InWorkspace`.
    menus: [
      onRows(
        'models',
        `(${items.run}|${items.result}(OfHeads|OfPictures|OfAnalysis|OfModule|OfPlan)?)$`,
        '3_file@1',
        'workbenchState != empty',
      ),
    ],
  },
} as const satisfies Record<`headscope.${string}`, Command>;

export type CommandId = keyof typeof commands;

/** The command of an analysis; `npm run manifest` writes one for each of the catalogue. */
export const analysisCommand = (id: string): string => `headscope.analysis.${id}`;
const analysisPrefix = analysisCommand('');
/** The analysis that a command runs; undefined: it is none of these. */
export const analysisOfCommand = (command: string): string | undefined =>
  command.startsWith(analysisPrefix) ? command.slice(analysisPrefix.length) : undefined;
export const analysisCommandTitle = (title: string): string => `Run Analysis: ${title}`;
/** Single analyses are entries of the palette only where a person wants them there. */
export const analysesInPalette = 'config.headscope.palette.analyses';

/** The commands with all that they may have, for whoever loops over them. */
export const commandTable: Readonly<Record<string, Command>> = commands;
