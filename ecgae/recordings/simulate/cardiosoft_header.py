"""The part of a CardioSoft file before the ECG itself, with its empty fields and a person who does
not exist.

Filled in by `str.format`: `year` of the visit, `age` in years, `birth_year` and `gender`. Indented
by tabs, lines end in LF here.
"""

HEADER = """
	<ObservationType>RestECG</ObservationType>
	<ObservationDateTime>
		<Hour>12</Hour>
		<Minute>0</Minute>
		<Second>0</Second>
		<Day>1</Day>
		<Month>1</Month>
		<Year>{year}</Year>
	</ObservationDateTime>
	<UID>
		<DICOMStudyUID>0.0.0.0.0</DICOMStudyUID>
	</UID>
	<ClinicalInfo>
		<ReasonForStudy></ReasonForStudy>
		<Technician>
			<FamilyName></FamilyName>
			<GivenName></GivenName>
			<PersonID></PersonID>
		</Technician>
		<ObservationComment></ObservationComment>
		<DeviceInfo>
			<Desc>CardioSoft</Desc>
			<SoftwareVer>V6.73</SoftwareVer>
			<AnalysisVer>12SL V21</AnalysisVer>
		</DeviceInfo>
	</ClinicalInfo>
	<PatientVisit>
		<PatientClass>O</PatientClass>
		<AssignedPatientLocation>
			<Facility></Facility>
			<LocationNumber>0</LocationNumber>
			<LocationName>* 0 *</LocationName>
		</AssignedPatientLocation>
		<PatientRoom></PatientRoom>
		<AdmissionType>ROUT</AdmissionType>
		<OrderingProvider>
			<FamilyName></FamilyName>
			<GivenName></GivenName>
			<PersonID></PersonID>
		</OrderingProvider>
		<AttendingDoctor>
			<FamilyName></FamilyName>
			<GivenName></GivenName>
			<PersonID></PersonID>
		</AttendingDoctor>
		<ReferringDoctor>
			<FamilyName></FamilyName>
			<GivenName></GivenName>
			<PersonID></PersonID>
		</ReferringDoctor>
		<ServicingFacility>
			<Name></Name>
			<Address>
				<Street1></Street1>
				<City></City>
			</Address>
		</ServicingFacility>
		<SysBP units="mmHg"></SysBP>
		<DiaBP units="mmHg"></DiaBP>
		<MedicalHistory>
			<MedicalHistoryText></MedicalHistoryText>
		</MedicalHistory>
		<OrderNumber></OrderNumber>
		<Medications>
			<Drug></Drug>
			<Dosage></Dosage>
		</Medications>
		<ExtraQuestions>
			<Label Type="Text"></Label>
			<Content></Content>
			<Label Type="Text"></Label>
			<Content></Content>
		</ExtraQuestions>
	</PatientVisit>
	<PatientInfo>
		<PID>SIMULATED</PID>
		<Name>
			<FamilyName>SIMULATED</FamilyName>
			<GivenName>NOBODY</GivenName>
		</Name>
		<Age units="YEARS">{age}</Age>
		<BirthDateTime>
			<Day>1</Day>
			<Month>1</Month>
			<Year>{birth_year}</Year>
		</BirthDateTime>
		<Gender>{gender}</Gender>
		<Race>UNKNOWN</Race>
		<Height units="CENTIMETERS">170</Height>
		<Weight units="KILOGRAMS">70.0</Weight>
		<PaceMaker>no</PaceMaker>
	</PatientInfo>
	<FilterSetting>
		<CubicSpline>No</CubicSpline>
		<Filter50Hz>Yes</Filter50Hz>
		<Filter60Hz>No</Filter60Hz>
		<LowPass units="Hz">100</LowPass>
		<HighPass units="Hz">0.01</HighPass>
	</FilterSetting>
	<Device-Type>2</Device-Type>
"""
