/** The catalogues of mechanisms and of modules, as the build wrote them beside the bundles. */
import type { MechanismInfo } from '../../protocol/compute/api';
import type { ModuleInfo } from '../../protocol/compute/modules';
import { readBuilt } from './built-file';

interface Lists {
  readonly mechanisms: readonly MechanismInfo[];
  readonly modules: readonly ModuleInfo[];
}

export class KernelCatalogue {
  private readonly file: string;
  private lists: Lists | undefined;

  constructor(file: string) {
    this.file = file;
  }

  get mechanisms(): readonly MechanismInfo[] {
    return this.read.mechanisms;
  }

  get modules(): readonly ModuleInfo[] {
    return this.read.modules;
  }

  private get read(): Lists {
    return (this.lists ??= readBuilt<Lists>(this.file));
  }
}
