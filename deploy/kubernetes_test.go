package deploy_test

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"partnercost/internal/config"
)

// The image's user, as in the Dockerfile.
const imageUser = 65532

// The manifests are decoded strictly into the types below, which name the fields that
// ours use. A misspelt field is therefore refused instead of ignored.

type meta struct {
	Name        string            `yaml:"name"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

type object[Spec any] struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string `yaml:"kind"`
	Metadata   meta   `yaml:"metadata"`
	Spec       Spec   `yaml:"spec"`
}

type configMap struct {
	APIVersion string            `yaml:"apiVersion"`
	Kind       string            `yaml:"kind"`
	Metadata   meta              `yaml:"metadata"`
	Data       map[string]string `yaml:"data"`
}

type secret struct {
	APIVersion string            `yaml:"apiVersion"`
	Kind       string            `yaml:"kind"`
	Metadata   meta              `yaml:"metadata"`
	Type       string            `yaml:"type"`
	StringData map[string]string `yaml:"stringData"`
}

type kustomization struct {
	APIVersion string   `yaml:"apiVersion"`
	Kind       string   `yaml:"kind"`
	Resources  []string `yaml:"resources"`
	Labels     []struct {
		Pairs map[string]string `yaml:"pairs"`
	} `yaml:"labels"`
	Images []struct {
		Name   string `yaml:"name"`
		NewTag string `yaml:"newTag"`
	} `yaml:"images"`
}

type deployment struct {
	Replicas int `yaml:"replicas"`
	Strategy struct {
		Type string `yaml:"type"`
	} `yaml:"strategy"`
	Selector struct {
		MatchLabels map[string]string `yaml:"matchLabels"`
	} `yaml:"selector"`
	Template template `yaml:"template"`
}

type cronJob struct {
	Schedule                   string `yaml:"schedule"`
	TimeZone                   string `yaml:"timeZone"`
	ConcurrencyPolicy          string `yaml:"concurrencyPolicy"`
	StartingDeadlineSeconds    int    `yaml:"startingDeadlineSeconds"`
	SuccessfulJobsHistoryLimit int    `yaml:"successfulJobsHistoryLimit"`
	FailedJobsHistoryLimit     int    `yaml:"failedJobsHistoryLimit"`
	JobTemplate                struct {
		Spec struct {
			ActiveDeadlineSeconds int `yaml:"activeDeadlineSeconds"`
			BackoffLimit          int `yaml:"backoffLimit"`
			PodFailurePolicy      struct {
				Rules []failureRule `yaml:"rules"`
			} `yaml:"podFailurePolicy"`
			Template template `yaml:"template"`
		} `yaml:"spec"`
	} `yaml:"jobTemplate"`
}

type failureRule struct {
	Action          string `yaml:"action"`
	OnPodConditions []struct {
		Type   string `yaml:"type"`
		Status string `yaml:"status"`
	} `yaml:"onPodConditions"`
	OnExitCodes struct {
		ContainerName string `yaml:"containerName"`
		Operator      string `yaml:"operator"`
		Values        []int  `yaml:"values"`
	} `yaml:"onExitCodes"`
}

type template struct {
	Metadata meta `yaml:"metadata"`
	Spec     pod  `yaml:"spec"`
}

type pod struct {
	RestartPolicy                 string `yaml:"restartPolicy"`
	AutomountServiceAccountToken  *bool  `yaml:"automountServiceAccountToken"`
	EnableServiceLinks            *bool  `yaml:"enableServiceLinks"`
	TerminationGracePeriodSeconds int    `yaml:"terminationGracePeriodSeconds"`
	SecurityContext               struct {
		RunAsNonRoot        bool   `yaml:"runAsNonRoot"`
		RunAsUser           int    `yaml:"runAsUser"`
		RunAsGroup          int    `yaml:"runAsGroup"`
		FSGroup             int    `yaml:"fsGroup"`
		FSGroupChangePolicy string `yaml:"fsGroupChangePolicy"`
		SeccompProfile      struct {
			Type string `yaml:"type"`
		} `yaml:"seccompProfile"`
	} `yaml:"securityContext"`
	TopologySpreadConstraints []struct {
		MaxSkew           int    `yaml:"maxSkew"`
		TopologyKey       string `yaml:"topologyKey"`
		WhenUnsatisfiable string `yaml:"whenUnsatisfiable"`
		LabelSelector     struct {
			MatchLabels map[string]string `yaml:"matchLabels"`
		} `yaml:"labelSelector"`
	} `yaml:"topologySpreadConstraints"`
	InitContainers []container `yaml:"initContainers"`
	Containers     []container `yaml:"containers"`
	Volumes        []volume    `yaml:"volumes"`
}

type container struct {
	Name  string   `yaml:"name"`
	Image string   `yaml:"image"`
	Args  []string `yaml:"args"`
	Env   []struct {
		Name      string `yaml:"name"`
		Value     string `yaml:"value"`
		ValueFrom struct {
			SecretKeyRef struct {
				Name     string `yaml:"name"`
				Key      string `yaml:"key"`
				Optional bool   `yaml:"optional"`
			} `yaml:"secretKeyRef"`
		} `yaml:"valueFrom"`
	} `yaml:"env"`
	Ports []struct {
		Name          string `yaml:"name"`
		ContainerPort int    `yaml:"containerPort"`
	} `yaml:"ports"`
	StartupProbe   probe `yaml:"startupProbe"`
	LivenessProbe  probe `yaml:"livenessProbe"`
	ReadinessProbe probe `yaml:"readinessProbe"`
	Resources      struct {
		Requests map[string]string `yaml:"requests"`
		Limits   map[string]string `yaml:"limits"`
	} `yaml:"resources"`
	SecurityContext struct {
		AllowPrivilegeEscalation *bool `yaml:"allowPrivilegeEscalation"`
		ReadOnlyRootFilesystem   bool  `yaml:"readOnlyRootFilesystem"`
		Capabilities             struct {
			Drop []string `yaml:"drop"`
		} `yaml:"capabilities"`
	} `yaml:"securityContext"`
	VolumeMounts []struct {
		Name      string `yaml:"name"`
		MountPath string `yaml:"mountPath"`
		ReadOnly  bool   `yaml:"readOnly"`
	} `yaml:"volumeMounts"`
}

type probe struct {
	HTTPGet struct {
		Path string `yaml:"path"`
		Port string `yaml:"port"`
	} `yaml:"httpGet"`
	PeriodSeconds    int `yaml:"periodSeconds"`
	TimeoutSeconds   int `yaml:"timeoutSeconds"`
	FailureThreshold int `yaml:"failureThreshold"`
}

type volume struct {
	Name      string `yaml:"name"`
	ConfigMap struct {
		Name string `yaml:"name"`
	} `yaml:"configMap"`
	Secret struct {
		SecretName  string `yaml:"secretName"`
		DefaultMode int    `yaml:"defaultMode"`
		Items       []struct {
			Key  string `yaml:"key"`
			Path string `yaml:"path"`
		} `yaml:"items"`
	} `yaml:"secret"`
}

type service struct {
	Selector                 map[string]string `yaml:"selector"`
	PublishNotReadyAddresses bool              `yaml:"publishNotReadyAddresses"`
	Ports                    []struct {
		Name       string `yaml:"name"`
		Port       int    `yaml:"port"`
		TargetPort string `yaml:"targetPort"`
	} `yaml:"ports"`
}

// manifest decodes the one document of a file of deploy/kubernetes.
func manifest[T any](t *testing.T, name string) T {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("kubernetes", name))
	if err != nil {
		t.Fatal(err)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	decoder.KnownFields(true)
	var v T
	if err := decoder.Decode(&v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if err := decoder.Decode(&yaml.Node{}); !errors.Is(err, io.EOF) {
		t.Fatalf("%s: holds more than one document", name)
	}
	return v
}

// pods are the pods of the daemon and of the one-shots.
func pods(t *testing.T) map[string]template {
	t.Helper()
	return map[string]template{
		"deployment.yaml": manifest[object[deployment]](t, "deployment.yaml").Spec.Template,
		"cronjob.yaml":    manifest[object[cronJob]](t, "cronjob.yaml").Spec.JobTemplate.Spec.Template,
	}
}

func TestKustomizationNamesWhatIsThere(t *testing.T) {
	t.Parallel()
	k := manifest[kustomization](t, "kustomization.yaml")
	want := []string{"configmap.yaml", "deployment.yaml", "service.yaml"}
	if diff := cmp.Diff(want, k.Resources); diff != "" {
		t.Errorf("resources (-want +got):\n%s", diff)
	}
	// Two collectors, and placeholders instead of the secrets, must not be applied.
	others := []string{"cronjob.yaml", "secret.example.yaml", "kustomization.yaml"}
	entries, err := os.ReadDir("kubernetes")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if !slices.Contains(k.Resources, entry.Name()) && !slices.Contains(others, entry.Name()) {
			t.Errorf("%s is not a known manifest", entry.Name())
		}
		content, err := os.ReadFile(filepath.Join("kubernetes", entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(content), "namespace:") {
			t.Errorf("%s names a namespace; kubectl does", entry.Name())
		}
	}
}

func TestPodsAreRestricted(t *testing.T) {
	t.Parallel()
	for name, template := range pods(t) {
		p := template.Spec
		s := p.SecurityContext
		if !s.RunAsNonRoot || s.RunAsUser != imageUser || s.RunAsGroup != imageUser || s.FSGroup != imageUser || s.SeccompProfile.Type != "RuntimeDefault" {
			t.Errorf("%s: security context of the pod: %+v", name, s)
		}
		if p.AutomountServiceAccountToken == nil || *p.AutomountServiceAccountToken {
			t.Errorf("%s: the pod gets a token for the cluster", name)
		}
		if p.TerminationGracePeriodSeconds != 40 {
			t.Errorf("%s: %d s to end in; storing takes up to 30", name, p.TerminationGracePeriodSeconds)
		}
		for _, c := range slices.Concat(p.InitContainers, p.Containers) {
			s := c.SecurityContext
			if s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation || !s.ReadOnlyRootFilesystem || !slices.Equal(s.Capabilities.Drop, []string{"ALL"}) {
				t.Errorf("%s: security context of %s: %+v", name, c.Name, s)
			}
			if c.Resources.Requests["memory"] == "" || c.Resources.Limits["memory"] == "" || c.Resources.Limits["cpu"] == "" {
				t.Errorf("%s: resources of %s: %+v", name, c.Name, c.Resources)
			}
			for _, m := range c.VolumeMounts {
				if !m.ReadOnly { // the refresh tokens are in the database
					t.Errorf("%s: %s can write to %s", name, c.Name, m.MountPath)
				}
				if !slices.ContainsFunc(p.Volumes, func(v volume) bool { return v.Name == m.Name }) {
					t.Errorf("%s: %s mounts %s, and there is no such volume", name, c.Name, m.Name)
				}
			}
		}
	}
}

func TestImageUser(t *testing.T) {
	t.Parallel()
	dockerfile, err := os.ReadFile("../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"\nUSER 65532:65532\n", "\nENTRYPOINT [\"/collector\"]", "/var/lib/collector"} {
		if !strings.Contains(string(dockerfile), want) {
			t.Errorf("the Dockerfile does not say %q, on which the manifests rely", want)
		}
	}
}

func TestDaemonsShareAndAreProbed(t *testing.T) {
	t.Parallel()
	d := manifest[object[deployment]](t, "deployment.yaml")
	if d.APIVersion != "apps/v1" || d.Kind != "Deployment" || d.Spec.Replicas != 2 || d.Spec.Strategy.Type != "Recreate" {
		t.Errorf("%s %s with %d replicas, strategy %s", d.APIVersion, d.Kind, d.Spec.Replicas, d.Spec.Strategy.Type)
	}
	labels := d.Spec.Template.Metadata.Labels
	if diff := cmp.Diff(d.Spec.Selector.MatchLabels, labels); diff != "" {
		t.Errorf("the Deployment does not select its pods:\n%s", diff)
	}
	p := d.Spec.Template.Spec
	if spread := p.TopologySpreadConstraints; len(spread) != 1 || !maps.Equal(spread[0].LabelSelector.MatchLabels, labels) {
		t.Errorf("what spreads the pods over nodes: %+v", spread)
	}
	if diff := cmp.Diff([]string{"migrate", "up"}, p.InitContainers[0].Args[:2]); diff != "" {
		t.Errorf("first the database is migrated:\n%s", diff)
	}
	c := p.Containers[0]
	if c.Args[0] != "daemon" || c.Ports[0].Name != "http" || c.Ports[0].ContainerPort != 8080 {
		t.Errorf("args %v, ports %v", c.Args, c.Ports)
	}
	paths := []string{c.StartupProbe.HTTPGet.Path, c.LivenessProbe.HTTPGet.Path, c.ReadinessProbe.HTTPGet.Path}
	if diff := cmp.Diff([]string{"/healthz", "/healthz", "/readyz"}, paths); diff != "" {
		t.Errorf("probes:\n%s", diff)
	}
	for _, probe := range []probe{c.StartupProbe, c.LivenessProbe, c.ReadinessProbe} {
		if probe.HTTPGet.Port != "http" {
			t.Errorf("a probe asks port %q", probe.HTTPGet.Port)
		}
	}
	if c.ReadinessProbe.TimeoutSeconds <= 3 {
		t.Error("/readyz answers within 3 s; the probe gives up before")
	}

	s := manifest[object[service]](t, "service.yaml")
	if diff := cmp.Diff(labels, s.Spec.Selector); diff != "" {
		t.Errorf("the Service does not select the daemon:\n%s", diff)
	}
	if !s.Spec.PublishNotReadyAddresses || s.Spec.Ports[0].TargetPort != "http" {
		t.Errorf("service %+v", s.Spec)
	}
}

func TestOneShots(t *testing.T) {
	t.Parallel()
	c := manifest[object[cronJob]](t, "cronjob.yaml")
	job := c.Spec.JobTemplate.Spec
	if c.APIVersion != "batch/v1" || c.Kind != "CronJob" || c.Spec.ConcurrencyPolicy != "Forbid" || c.Spec.TimeZone == "" {
		t.Errorf("%s %s, concurrency %s, time zone %s", c.APIVersion, c.Kind, c.Spec.ConcurrencyPolicy, c.Spec.TimeZone)
	}
	p := job.Template.Spec
	if p.RestartPolicy != "Never" { // a podFailurePolicy requires it
		t.Errorf("restart policy %q", p.RestartPolicy)
	}
	if p.Containers[0].Args[0] != "run" {
		t.Errorf("args %v", p.Containers[0].Args)
	}
	rules := job.PodFailurePolicy.Rules
	i := slices.IndexFunc(rules, func(r failureRule) bool { return r.Action == "FailJob" })
	if i < 0 || !slices.Equal(rules[i].OnExitCodes.Values, []int{2, 3, 4}) || rules[i].OnExitCodes.ContainerName != p.Containers[0].Name {
		t.Errorf("rules %+v: trying again does not fix exit codes 2, 3 and 4", rules)
	}
	for _, rule := range rules {
		for _, condition := range rule.OnPodConditions {
			if condition.Status != "True" { // Kubernetes 1.27 requires it
				t.Errorf("the condition %s has no status", condition.Type)
			}
		}
	}
}

// Every file of the Secret is in its example, which holds placeholders and no secrets.
func TestSecretExample(t *testing.T) {
	t.Parallel()
	s := manifest[secret](t, "secret.example.yaml")
	for key, value := range s.StringData {
		if value != "PLACEHOLDER" {
			t.Errorf("%s holds something that looks like a secret", key)
		}
	}
	for name, template := range pods(t) {
		for _, v := range template.Spec.Volumes {
			if v.Name != "secrets" {
				continue
			}
			if v.Secret.SecretName != s.Metadata.Name || v.Secret.DefaultMode != 0o440 {
				t.Errorf("%s: volume %+v", name, v.Secret)
			}
			mounted := map[string]string{}
			for _, item := range v.Secret.Items {
				mounted[item.Path] = s.StringData[item.Key]
			}
			if diff := cmp.Diff(s.StringData, mounted); diff != "" {
				t.Errorf("%s: secrets (-example +mounted):\n%s", name, diff)
			}
		}
	}
	example, err := os.ReadFile(filepath.Join("kubernetes", "secret.example.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range pods(t)["deployment.yaml"].Spec.InitContainers[0].Env {
		if ref := e.ValueFrom.SecretKeyRef; ref.Key != "" && (!ref.Optional || !strings.Contains(string(example), "# "+ref.Key+":")) {
			t.Errorf("%s: the key %s is not optional, or not in the example", e.Name, ref.Key)
		}
	}
}

// The program accepts the configuration, given the mounts of the pod.
func TestConfigMapIsAccepted(t *testing.T) {
	t.Parallel()
	text := manifest[configMap](t, "configmap.yaml").Data["collector.yaml"]
	mounts := t.TempDir()
	p := pods(t)["deployment.yaml"].Spec
	for _, v := range p.Volumes {
		for _, item := range v.Secret.Items {
			content := "a-secret"
			switch item.Path {
			case "database-url":
				content = "postgres://collector:a-secret@db:5432/costs"
			case "seal-key":
				content = "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE="
			}
			if err := os.WriteFile(filepath.Join(mounts, item.Path), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	const inPod = "/run/secrets/collector"
	if !strings.Contains(text, inPod) {
		t.Fatalf("the configuration reads nothing below %s", inPod)
	}
	path := filepath.Join(mounts, "collector.yaml")
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(text, inPod, mounts)), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(path, func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	// Probes come from another machine, so the daemon listens on more than loopback, and
	// the console then requires a password.
	if c.Console.Listen != ":8080" {
		t.Errorf("it listens on %s, where no probe reaches it", c.Console.Listen)
	}
	if !c.Console.BehindProxy && c.Console.TLSCertFile == "" {
		t.Error("nothing speaks HTTPS to those who look at it, so the daemon does not start")
	}
	if _, err := os.Stat(c.Console.PasswordFile); err != nil {
		t.Errorf("the password is not mounted: %v", err)
	}
	for _, partner := range c.Partners {
		if partner.Auth.RefreshTokenStore != "database" || partner.Auth.SealKeys == nil {
			t.Errorf("the refresh token of %s is in the store %s, which the daemons do not share", partner.Name, partner.Auth.RefreshTokenStore)
		}
	}
	for _, container := range slices.Concat(p.InitContainers, p.Containers) {
		if e := container.Env[0]; e.Name != "COLLECTOR_CONFIG" || e.Value != "/etc/collector/collector.yaml" {
			t.Errorf("%s reads its configuration from %s=%s", container.Name, e.Name, e.Value)
		}
	}
}
