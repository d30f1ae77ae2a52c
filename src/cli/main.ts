#!/usr/bin/env node
import { runCommandLine } from './program.js';

// No process.exit: what stands in the pipes' buffers must still get out.
process.exitCode = await runCommandLine(process.argv);
