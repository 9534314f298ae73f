/** The extension's half of the editor of a circuit. */
import type { AnalysisResult, AnalysisSetup } from '../../../protocol/analysis/schema';
import { circuitText, type Circuit } from '../../../protocol/circuits/circuit-file';
import * as edit from '../../../protocol/circuits/edit';
import { changeWords, circuitFrom, merged } from '../../../protocol/circuits/merge';
import { setupOfAnalysis } from '../../../protocol/panels/workbench';
import type { ToCircuitPanel } from '../../../protocol/panels/circuit';
import { fromCircuitPanel, type FromCircuitPanel } from '../../../protocol/panels/circuit-schema';
import { type Acts, EditedFileHost, type EditedFileServices } from '../file-host';
import type { DocumentFile } from '../panel-types';
import { Sentence } from '../questions';

export interface Rerun {
  /** Shows a request in the workbench and runs it; undefined where the run was refused, was stopped or failed, which is shown there. */
  run(setup: AnalysisSetup): Promise<AnalysisResult | undefined>;
  /** Why a request that a file names is not run. */
  refusal(setup: AnalysisSetup): string | undefined;
}

export interface CircuitFileServices extends EditedFileServices<Circuit>, Rerun {
  /** Lets the person choose a run of the same analysis; undefined when they cancel. */
  chooseRun(circuit: Circuit): Promise<Circuit | undefined>;
  say(sentence: string): void;
}

/** The graph that a circuit shows, as a result of the same analysis has it. */
export function circuitOf(result: AnalysisResult, { section: id }: Circuit['origin']): Circuit {
  const section = result.sections.find((one) => one.id === id);
  if (section?.kind !== 'graph')
    throw new Sentence(`That result has no graph "${id}". Choose a result with the same settings.`);
  return circuitFrom(result, section, setupOfAnalysis(result));
}

export class CircuitFileHost extends EditedFileHost<Circuit, ToCircuitPanel> {
  protected override readonly messages = fromCircuitPanel;
  protected override readonly what = 'circuit';
  protected override readonly text = circuitText;

  constructor(
    file: DocumentFile<Circuit>,
    private readonly services: CircuitFileServices,
    send: (message: ToCircuitPanel) => void,
  ) {
    super(file, services, send);
  }

  protected override edited(opened: ToCircuitPanel): ToCircuitPanel {
    return opened;
  }

  protected override acts(): Acts<FromCircuitPanel> {
    return {
      ...super.acts(),
      move: ({ places }) => this.edit((circuit) => edit.moved(circuit, places)),
      unplace: ({ ids }) => this.edit((circuit) => edit.unplaced(circuit, ids)),
      rename: ({ id, name }) => this.edit((circuit) => edit.renamed(circuit, id, name)),
      note: ({ id, note }) => this.edit((circuit) => edit.noted(circuit, id, note)),
      pin: ({ ids, pinned }) => this.edit((circuit) => edit.pinned(circuit, ids, pinned)),
      group: ({ ids }) => this.edit((circuit) => edit.grouped(circuit, ids)),
      ungroup: ({ ids }) => this.edit((circuit) => edit.ungrouped(circuit, ids)),
      open: ({ id, open }) => this.edit((circuit) => edit.opened(circuit, id, open)),
      settle: () => this.edit(edit.settled),
      runAgain: () => this.runAgain(),
      update: () => this.update(),
    };
  }

  private async update(): Promise<void> {
    const run = await this.services.chooseRun(this.saved());
    if (run !== undefined) await this.bringIn(run);
  }

  /** Runs the request that made the circuit. What the run gives goes into the file, which may have been edited meanwhile. */
  private async runAgain(): Promise<void> {
    const { origin } = this.saved();
    const refused = this.services.refusal(origin.setup);
    if (refused !== undefined) throw new Sentence(refused);
    const result = await this.services.run(origin.setup);
    if (result !== undefined && !this.disposed) await this.bringIn(circuitOf(result, origin));
  }

  private async bringIn(run: Circuit): Promise<void> {
    const updated = merged(this.saved(), run);
    if (!updated.ok) throw new Sentence(updated.why);
    await this.file.write(circuitText(updated.result));
    this.services.say(`The circuit holds the run of ${run.origin.created} now: ${changeWords(updated.result)}.`);
  }
}
