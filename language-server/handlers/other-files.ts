import path from 'node:path';
import { ResponseError } from 'vscode-languageserver/node';
import { runnableOther } from '../../models/architectures/other-verdict';
import { isLaterPart, nameOfGguf } from '../../models/formats/gguf/parts';
import { otherKind } from '../../models/formats/read-other';
import type { ModelFacts, RecogniseModelsResult } from '../../protocol/language/requests';
import { otherFacts, otherSentence } from '../service/other-facts';
import { OtherModels } from '../workspace/other-models';
import type { WorkspaceFiles } from './workspace-files';
import { pathOfUri } from './workspace-files';

/** The file's name without its ending, an adapter's by its folder. */
const nameOf = (file: string): string =>
  otherKind(file) === 'adapter'
    ? path.basename(path.dirname(file))
    : ((otherKind(file) === 'gguf' ? nameOfGguf(file) : undefined) ?? path.parse(file).name);

/** LSP's code for a request that failed. */
const requestFailed = -32803;

/** GGUF files, graphs and adapters among the models of an editor. */
export class OtherFiles {
  private readonly models = new OtherModels();

  constructor(private readonly files: WorkspaceFiles) {}

  has(uri: string): boolean {
    const file = pathOfUri(uri);
    return file !== undefined && otherKind(file) !== undefined;
  }

  /** Fails with the sentence that says why the file is not read. */
  async facts(uri: string): Promise<ModelFacts> {
    const file = pathOfUri(uri) ?? '';
    const base = otherKind(file) === 'adapter' ? await this.files.baseOf(file) : undefined;
    const read = await this.models.read(file, base);
    if (!read.ok) throw new ResponseError(requestFailed, read.message);
    const { kind } = read.model;
    const formOf = kind === 'gguf' ? await this.files.checkpointBeside(file) : undefined;
    return otherFacts(uri, nameOf(file), read.model, await runnableOther(kind, file), {
      ...(base === undefined ? {} : { base: { name: base.label, uri: base.uri } }),
      ...(formOf === undefined ? {} : { formOf }),
    });
  }

  /** Those that are models; a file that cannot be read is one where its name alone says so. */
  async recognise(uris: readonly string[]): Promise<RecogniseModelsResult> {
    const found: RecogniseModelsResult[number][] = [];
    for (const uri of uris) {
      const file = pathOfUri(uri);
      const kind = file === undefined ? undefined : otherKind(file);
      if (file === undefined || kind === undefined || isLaterPart(path.basename(file))) continue;
      const read = await this.models.read(file, kind === 'adapter' ? await this.files.baseOf(file) : undefined);
      if (read.ok) {
        // Any graph is an .onnx file: those that name no attention are left out.
        if (kind === 'onnx' && read.model.description === undefined) continue;
        const { title, description } = read.model;
        found.push({
          uri,
          family: description?.family ?? 'none',
          sentence: otherSentence(read.model),
          vision: false,
          other: { kind, title },
        });
      } else if (file.endsWith('.gguf')) {
        found.push({ uri, family: 'none', sentence: read.message, vision: false, other: { kind, title: 'GGUF' } });
      }
    }
    return found;
  }
}
