// The namespaces that all files use. By its name this file is the first of the assembly, where such lines have to stand.
global using System;
global using System.Collections;
global using System.Collections.Generic;
global using System.Collections.Specialized;
global using System.Globalization;
global using System.IO;
global using System.Management.Automation;
global using System.Management.Automation.Host;
global using System.Management.Automation.Language;
global using System.Management.Automation.Runspaces;
global using System.Text;
global using System.Threading;
