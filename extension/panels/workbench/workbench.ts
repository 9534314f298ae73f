/** The workbench. */
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import * as vscode from 'vscode';
import type { AnalysisResult, AnalysisSetup } from '../../../protocol/analysis/schema';
import type { Demos } from '../../../protocol/analysis/next-start';
import {
  contextKeys,
  earlierHallucinationPanel,
  earlierHeadsPanel,
  earlierWorkbenchPanel,
  workbenchPanel,
} from '../../../protocol/contributions/views';
import { realFolder } from '../../models/real-folder';
import { showInformation } from '../../platform/notify';
import type { AnalysisCatalogue } from '../../platform/analysis-catalogue';
import type { DetachedRuns } from '../../platform/detached-runs';
import { chooseOther } from '../choose-other';
import { demoOf, visionModel } from '../vision-demo';
import { openCard } from '../open-card';
import { pictureOf } from '../picture-file';
import { readModelCard } from '../model-card';
import { besidePicture, truthFile } from '../image-folder';
import { modelServices, textDemo } from '../model-services';
import type { HeadAt } from '../panel-types';
import { Panels, type PanelParts } from '../panels';
import { planChooser } from '../plan/choose-plan';
import { savePlan } from '../plan/dialogs';
import { circuitSaver } from '../circuit/dialogs';
import { Sentence } from '../questions';
import { firstSetup, setupToStore, storedSetup } from './default-setup';
import { choosePath, confirmsDelete, reopens, saveOffer, saveTask } from './dialogs';
import { EarlierResults } from './earlier-results';
import { WorkbenchHost } from './host';
import { chooseVector, loadIntervention, saveIntervention, saveLabels } from './intervention-dialogs';
import { analysisRun } from './run';
import type { WorkbenchServices, WorkbenchTypes } from './services';
import { StoppedRuns } from './stopped-runs';
import { WorkbenchTabs } from './tabs';

export type WorkbenchPanels = Panels<WorkbenchTypes, WorkbenchHost>;

/** As the compute server names it: by another name it would be another model or picture. */
const real = (path: string): string => (path === '' ? '' : realFolder(path));

/** What comes with the extension for analyses to start with. */
export function demosOf({ extension }: Pick<PanelParts, 'extension'>): Demos {
  const { folder, image, scenes } = demoOf(extension.fsPath);
  const corpus = join(extension.fsPath, 'examples', 'corpus', 'documents.jsonl');
  const truth = scenes === '' ? '' : join(real(scenes), truthFile);
  const [encoder, pictures] = [
    join(extension.fsPath, 'examples', 'models', 'demo-vit'),
    join(extension.fsPath, 'examples', 'pictures', 'things'),
  ];
  return {
    text: textDemo(extension).folder,
    corpus: existsSync(corpus) ? real(corpus) : '',
    vision: { folder: real(folder), image: real(image), scenes: real(scenes), truth },
    ...(existsSync(encoder) && existsSync(pictures)
      ? { encoder: { folder: real(encoder), pictures: real(pictures) } }
      : {}),
  };
}

/** `demos`: read from disk when a panel first asks. */
export function workbenchPanels(
  parts: PanelParts,
  { catalogue, known }: { readonly catalogue: AnalysisCatalogue; readonly known: Pick<WorkbenchServices, 'codeOf'> },
  demos: () => Demos,
  detached: DetachedRuns,
): WorkbenchPanels {
  const { compute, extension, history, library } = parts;
  const demo = textDemo(extension);
  const { folder } = demo;
  const vision = visionModel(extension.fsPath);
  const run = analysisRun({
    analysis: compute.analysis,
    detached: { analysis: compute.detachedAnalysis, has: (plan) => tabs.outlasting.has(plan) },
    keep: async (result, plan) => {
      await history.keep('analysis', result, { byItself: plan !== undefined && tabs.looks.isOwn(plan) });
      await detached.taken(result);
    },
  });
  const tabs: WorkbenchTabs = new WorkbenchTabs({
    run,
    memory: parts.memory,
    titleOf: (analysis) => catalogue.of(analysis)?.title ?? analysis,
    modelName: basename,
    waits: (signal) => compute.queue.of(signal)?.state === 'waiting',
    stopped: new StoppedRuns(join(parts.storage.fsPath, 'stopped-runs')),
    say: (sentence) => void showInformation(sentence),
  });
  history.follow(detached.onFound((plan) => tabs.goOn(plan)));
  tabs.beginWaiting();
  // As the window closes, they write what runs have found.
  history.follow(tabs);
  history.remember(tabs.shown.tabs.flatMap(({ entry, byItself }) => (byItself && entry !== undefined ? [entry] : [])));
  const earlier = new EarlierResults(history, {
    openFile: async (path) => {
      const uri = vscode.Uri.file(path);
      await vscode.commands.executeCommand('vscode.open', uri);
    },
    confirmsDelete,
  });
  const panels: WorkbenchPanels = new Panels<WorkbenchTypes, WorkbenchHost>(parts, {
    name: 'workbench',
    earlier: [
      { name: 'analyses', viewType: earlierWorkbenchPanel },
      { name: 'heads', viewType: earlierHeadsPanel, restored: (host) => host.look(undefined, undefined) },
      {
        name: 'hallucination',
        viewType: earlierHallucinationPanel,
        restored: (host) => host.look(undefined, undefined),
      },
    ],
    result: 'analysis',
    viewType: workbenchPanel,
    title: 'Workbench',
    spoken: 'Workbench: a model, an input, changes and questions',
    contextKey: contextKeys.analysisRunning,
    run,
    methods: ['analysis'],
    firstSetup: () => firstSetup(catalogue.list, folder),
    storedSetup: (value) => storedSetup(value, catalogue.list, folder),
    setupToStore: (plan) => setupToStore(plan, folder),
    chooseOther: (shown) =>
      chooseOther({
        kind: 'analysis',
        library,
        history,
        shown,
        none: 'There is no other result of this analysis to compare with. Run it on another model, another prompt, or with an intervention.',
        placeHolder: 'A result of the same analysis',
      }),
    host: (place, services, send, start) =>
      new WorkbenchHost(
        place,
        {
          ...services,
          ...modelServices(parts, demo, { ...vision, folder: real(vision.folder) }),
          server: compute,
          // Files of the workspace are added to them and leave them.
          get catalogue() {
            return catalogue.list;
          },
          get tasks() {
            return catalogue.tasks;
          },
          demos: demos(),
          codeOf: (result, asks) => known.codeOf(result, asks),
          isIdle: (but) => {
            const own = but && compute.queue.of(but)?.id;
            return compute.queue.list.every(({ id }) => id === own);
          },
          tabs,
          earlier,
          reopens,
          beside: besidePicture,
          card: readModelCard,
          openCard,
          choosePath,
          saveOffer,
          saveTask,
          savePlan,
          saveCircuit: circuitSaver(library),
          choosePlan: planChooser(library),
          explain: async (plan) => void (await runShown(panels, plan)),
          saveLabels,
          saveIntervention,
          loadIntervention,
          chooseVector,
          picture: async (image) => {
            const opened = await pictureOf(image);
            if (opened === undefined)
              throw new Sentence(`${image.name} is gone or is no longer the file that was read, so it is not drawn.`);
            return { mediaType: opened.mime, bytes: opened.bytes };
          },
        },
        send,
        start,
      ),
  });
  return panels;
}

/** Shows Look; `plan`: what it looks at from now on. */
export async function openLook(
  panels: WorkbenchPanels,
  { plan, select }: { readonly plan?: AnalysisSetup | undefined; readonly select?: HeadAt | undefined },
): Promise<void> {
  const host = await panels.open();
  await host.look(plan, select);
}

/** Shows a plan and runs it; undefined where the run was refused, was stopped or failed, which the panel shows. */
export async function runShown(panels: WorkbenchPanels, plan: AnalysisSetup): Promise<AnalysisResult | undefined> {
  const host = await panels.open({ plan });
  const flight = await host.runPlan(plan);
  // One that failed shows what was there before it.
  return flight?.failed === undefined ? flight?.finished?.result : undefined;
}
